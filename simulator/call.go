package simulator

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// maxBody bounds the body of a request; the largest sensible one, with a hundred event types, is a hundredth of it.
const maxBody = 1 << 20

// call is a request to the platform, read to its end: what becomes of it no longer depends on its client staying there.
type call struct {
	request  *http.Request
	body     []byte
	tooLarge bool
	template string     // of the route; empty: there is none
	id       string     // the {id} in the path
	version  apiVersion // zero: a version that does not exist
	received time.Time  // virtual
	account  *account   // once it is authenticated
}

func (s *Simulator) readCall(r *http.Request, template string) (*call, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	return &call{
		request: r, body: body, tooLarge: len(body) > maxBody, received: s.clock.now(),
		template: template, id: r.PathValue("id"), version: chooseVersion(r.Header.Values("Accept"), template),
	}, nil
}

func (c *call) key() string { return c.request.Method + " " + c.template }

// operationName is the verb in the code of the 422 answer to this call.
func (c *call) operationName() string {
	switch {
	case strings.HasSuffix(c.template, "/activate"):
		return "Activate"
	case strings.HasSuffix(c.template, "/deactivate"):
		return "Deactivate"
	case c.request.Method == http.MethodPost:
		return "Create"
	}
	return "Update"
}

var jsonType = regexp.MustCompile(`^application/([^/]+\+)?json$`)

// hasJSONBody reports whether the request declares a JSON body.
func (c *call) hasJSONBody() bool {
	media, _, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	return err == nil && jsonType.MatchString(media)
}

var vendorType = regexp.MustCompile(`(?i)application/vnd\.bentley\.itwin-platform\.v([0-9]+)\+json`)

// chooseVersion reads the version from the Accept header. A call that names none gets version 2, except on the routes
// that only version 1 has: its published sample names none there. Zero means a version that does not exist.
func chooseVersion(accept []string, template string) apiVersion {
	match := vendorType.FindStringSubmatch(strings.Join(accept, ","))
	switch {
	case match == nil && onlyInV1(template):
		return v1
	case match == nil || match[1] == "2":
		return v2
	case match[1] == "1":
		return v1
	}
	return 0
}

// baseURL is how the client addresses the simulator, for links in answers.
func (c *call) baseURL() string {
	base := url.URL{Scheme: "http", Host: c.request.Host}
	if c.request.TLS != nil {
		base.Scheme = "https"
	}
	return base.String()
}

var errNoBearer = errors.New("no bearer token")

// bearerToken returns the token of the Authorization header.
func (c *call) bearerToken() (string, error) {
	scheme, token, found := strings.Cut(c.request.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errNoBearer
	}
	return token, nil
}
