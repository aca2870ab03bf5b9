package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// response is an answer before it is sent, so that a fault can still lose, cut or replace it.
type response struct {
	status int
	header http.Header
	body   []byte
}

func newResponse(status int) *response {
	return &response{status: status, header: http.Header{}}
}

func jsonResponse(status int, value any) *response {
	r := newResponse(status)
	r.header.Set("Content-Type", "application/json; charset=utf-8")
	r.body = encodeJSON(value)
	return r
}

func htmlResponse(status int) *response {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	r := newResponse(status)
	r.header.Set("Content-Type", "text/html")
	r.body = []byte("<html>\n<head><title>" + title + "</title></head>\n<body><h1>" + title + "</h1></body>\n</html>\n")
	return r
}

// write sends the answer. A client that is gone by now is no concern of the platform's.
func (r *response) write(w http.ResponseWriter) {
	header := w.Header()
	maps.Copy(header, r.header)
	body := r.body
	if r.status == http.StatusNoContent || r.status == http.StatusNotModified {
		body = nil // as HTTP has it
	}
	if len(body) > 0 {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(body)
}

// compressedFor compresses the answer if the client accepts that.
func (r *response) compressedFor(c *call) *response {
	if len(r.body) == 0 || !strings.Contains(c.request.Header.Get("Accept-Encoding"), "gzip") {
		return r
	}
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, _ = writer.Write(r.body)
	_ = writer.Close()
	r.body = out.Bytes()
	r.header.Set("Content-Encoding", "gzip")
	return r
}

// encodeJSON writes a value of this package, without HTML escapes: URLs stay readable, as the platform sends them.
func encodeJSON(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("simulator: a value that is no JSON: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
