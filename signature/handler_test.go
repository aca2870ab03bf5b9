package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/signature"
)

// next is what stands behind a Handler and remembers what it got.
type next struct {
	body   []byte
	length int64
	calls  int
}

func (n *next) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	n.calls++
	n.length = r.ContentLength
	n.body, _ = io.ReadAll(r.Body)
}

// signed is a request with a right signature.
func signed(body io.Reader, over []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/events", body)
	r.Header.Set(signature.Header, signature.Sign(secret, over))
	return r
}

func TestHandlerAnswers(t *testing.T) {
	broken := errors.New("the disk is gone")
	failing := func(*http.Request) ([]string, error) { return nil, broken }
	with := func(change func(*http.Request)) *http.Request {
		r := signed(bytes.NewReader(body), body)
		change(r)
		return r
	}
	for name, test := range map[string]struct {
		handler signature.Handler
		request *http.Request
		status  int
		err     error
	}{
		"a right signature → next": {request: signed(bytes.NewReader(body), body), status: 200},
		"a right signature of chunks → next": {
			request: signed(iotest.OneByteReader(bytes.NewReader(body)), body), status: 200,
		},
		"a body as large as allowed → next": {
			handler: signature.Handler{MaxBody: int64(len(body))}, request: signed(bytes.NewReader(body), body), status: 200,
		},
		"a body of another length than signed → 401": {
			request: signed(bytes.NewReader(body[1:]), body), status: 401, err: signature.ErrMismatch,
		},
		"no signature → 401": {
			request: with(func(r *http.Request) { r.Header.Del(signature.Header) }), status: 401, err: signature.ErrMissing,
		},
		"a malformed signature → 401": {
			request: with(func(r *http.Request) { r.Header.Set(signature.Header, "sha256=x") }),
			status:  401, err: signature.ErrMalformed,
		},
		"two signatures, the first right → 401": {
			request: with(func(r *http.Request) { r.Header.Add(signature.Header, "sha256=x") }),
			status:  401, err: signature.ErrMalformed,
		},
		"no secret for the request → 401": {
			handler: signature.Handler{Secrets: signature.Static("")},
			request: signed(bytes.NewReader(body), body), status: 401, err: signature.ErrNoSecret,
		},
		"the secrets fail → 503": {
			handler: signature.Handler{Secrets: failing}, request: signed(bytes.NewReader(body), body), status: 503, err: broken,
		},
		"GET → 405": {
			request: with(func(r *http.Request) { r.Method = http.MethodGet }), status: 405, err: signature.ErrMethod,
		},
		"a declared length beyond the limit → 413": {
			handler: signature.Handler{MaxBody: int64(len(body)) - 1},
			request: signed(bytes.NewReader(body), body), status: 413, err: signature.ErrTooLarge,
		},
		"chunks beyond the limit → 413": {
			handler: signature.Handler{MaxBody: int64(len(body)) - 1},
			request: signed(iotest.OneByteReader(bytes.NewReader(body)), body), status: 413, err: signature.ErrTooLarge,
		},
		"more than a MiB by default → 413": {
			request: signed(strings.NewReader(strings.Repeat("x", 1<<20+1)), nil), status: 413, err: signature.ErrTooLarge,
		},
		"a body that breaks off → 400": {
			request: signed(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(body))), body),
			status:  400, err: signature.ErrUnreadable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			h, behind := test.handler, &next{}
			h.Next = behind
			if h.Secrets == nil {
				h.Secrets = signature.Static(previous, secret)
			}
			var told []error
			h.OnError = func(_ *http.Request, err error) { told = append(told, err) }
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, test.request)

			g.Expect(answer.Code).To(Equal(test.status))
			if test.err == nil {
				g.Expect(told).To(BeEmpty())
				g.Expect(behind.body).To(Equal(body))
				g.Expect(behind.length).To(BeEquivalentTo(len(body)))
				return
			}
			g.Expect(behind.calls).To(BeZero())
			g.Expect(told).To(ConsistOf(MatchError(test.err)))
			g.Expect(answer.Body.String()).To(Equal(http.StatusText(test.status)+"\n"), "the caller is not told why")
		})
	}
}

func TestOnErrorGetsWhatWasReadOfTheBody(t *testing.T) {
	for name, test := range map[string]struct {
		request *http.Request
		limit   int64
		want    string
	}{
		"all of what does not match": {signed(bytes.NewReader(body), []byte("another")), 0, string(body)},
		"nothing of what has no signature": {
			httptest.NewRequest(http.MethodPost, "/events", bytes.NewReader(body)), 0, "",
		},
		"nothing of what is declared too large": {signed(bytes.NewReader(body), body), 3, ""},
		"the beginning of chunks that are too large": {
			signed(iotest.OneByteReader(bytes.NewReader(body)), body), 3, string(body[:3]),
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			told := []string{}
			h := &signature.Handler{
				Secrets: signature.Static(secret), Next: &next{}, MaxBody: test.limit,
				OnError: func(r *http.Request, _ error) {
					read, err := io.ReadAll(r.Body)
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(r.ContentLength).To(BeEquivalentTo(len(read)))
					told = append(told, string(read))
				},
			}
			h.ServeHTTP(httptest.NewRecorder(), test.request)
			g.Expect(told).To(Equal([]string{test.want}))
		})
	}
}

func TestHandlerNeedsNoHook(t *testing.T) {
	answer := httptest.NewRecorder()
	h := &signature.Handler{Secrets: signature.Static(secret), Next: &next{}}
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
	NewWithT(t).Expect(answer.Code).To(Equal(http.StatusUnauthorized))
}

func TestHandlerTakesARequestWithoutABody(t *testing.T) {
	g := NewWithT(t)
	request, behind, answer := signed(nil, nil), &next{}, httptest.NewRecorder()
	request.Body = nil // as http.NewRequest leaves it
	(&signature.Handler{Secrets: signature.Static(secret), Next: behind}).ServeHTTP(answer, request)
	g.Expect(answer.Code).To(Equal(http.StatusOK))
	g.Expect(behind.calls).To(Equal(1))
}

func TestHandlerNamesTheMethodThatIsAllowed(t *testing.T) {
	answer := httptest.NewRecorder()
	h := &signature.Handler{Secrets: signature.Static(secret), Next: &next{}}
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/", nil))
	NewWithT(t).Expect(answer.Header().Get("Allow")).To(Equal(http.MethodPost))
}

// TestHandlerBehindAServer: over a connection, chunks are handed on as a body of known length.
func TestHandlerBehindAServer(t *testing.T) {
	g := NewWithT(t)
	behind := &next{}
	server := httptest.NewServer(&signature.Handler{Secrets: signature.Static(secret), Next: behind})
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, iotest.HalfReader(bytes.NewReader(body)))
	g.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("signature", signature.Sign(secret, body))
	response, err := http.DefaultClient.Do(r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.Body.Close()).To(Succeed())
	g.Expect(response.StatusCode).To(Equal(http.StatusOK))
	g.Expect(behind.body).To(Equal(body))
	g.Expect(behind.length).To(BeEquivalentTo(len(body)))
}

func TestFilesAreReadForEachRequest(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	current, before := filepath.Join(dir, "secret"), filepath.Join(dir, "previous")
	secrets := signature.Files(current, before)
	write := func(path, text string) { g.Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed()) }

	_, err := secrets(nil)
	g.Expect(err).To(MatchError(os.ErrNotExist))
	g.Expect(err).To(MatchError(ContainSubstring(current)))

	write(current, previous)
	g.Expect(secrets(nil)).To(Equal([]string{previous}))

	write(current, secret)
	write(before, previous)
	g.Expect(secrets(nil)).To(Equal([]string{secret, previous}))

	_, err = signature.Files(dir)(nil)
	g.Expect(err).To(MatchError(ContainSubstring("read the secret")), "a folder is no file")
}

func TestSecretsMayDependOnThePath(t *testing.T) {
	g := NewWithT(t)
	byPath := map[string]string{"/one": secret, "/two": previous}
	h := &signature.Handler{
		Secrets: func(r *http.Request) ([]string, error) { return []string{byPath[r.URL.Path]}, nil }, Next: &next{},
	}
	for path, want := range map[string]int{"/one": 200, "/two": 401, "/three": 401} {
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set(signature.Header, signature.Sign(secret, body))
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		g.Expect(answer.Code).To(Equal(want), fmt.Sprint(path))
	}
}
