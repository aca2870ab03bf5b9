package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// DefaultMaxBody is the largest body that a Handler reads unless it is told otherwise, in bytes.
const DefaultMaxBody = 1 << 20

// Handler verifies requests and hands on those with a right signature. Others it answers itself, without saying why:
//
//	401  the signature is missing, malformed or wrong, or there is no secret for the request
//	405  the method is not POST
//	413  the body is larger than MaxBody
//	400  the body could not be read to its end
//	503  Secrets failed
//
// It sets no time limits: those are the server's (http.Server.ReadTimeout), and the platform waits 5 seconds for an
// answer. A webhook of version 1 is validated by an OPTIONS request, which a handler before this one must answer.
type Handler struct {
	// Secrets returns the secrets that a request may be signed with; required. It is called for each request, so secrets
	// may depend on the path, and may be rotated. See Static and Files.
	Secrets func(*http.Request) ([]string, error)
	// Next gets the verified requests; required. Their Body is the bytes that were verified, from the beginning.
	Next http.Handler
	// MaxBody is the largest body that is read, in bytes; zero or less is DefaultMaxBody.
	MaxBody int64
	// OnError, if set, is called with the error of each request that is answered here: to log or count it. It is called
	// before the answer, and must not write one. Its words hold no secret and no part of the request, but what Secrets
	// returned. The Body of the request is what was read of it, from the beginning: all of it for ErrMismatch, so that it
	// can be saved and compared with Explain, and nothing where the head was enough to refuse it.
	OnError func(*http.Request, error)
}

var (
	// ErrMethod is told to OnError when a request is not a POST.
	ErrMethod = errors.New("take an event: the method is not POST")
	// ErrTooLarge is told to OnError when the body of a request is too large.
	ErrTooLarge = errors.New("take an event: the body is larger than MaxBody")
	// ErrUnreadable is told to OnError when the body of a request broke off.
	ErrUnreadable = errors.New("take an event: the body could not be read to its end")
	// ErrSecrets is told to OnError when Secrets failed, together with its error.
	ErrSecrets = errors.New("verify the signature: the secrets could not be read")
)

// ServeHTTP verifies one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := h.verified(w, r)
	if err != nil {
		if h.OnError != nil {
			h.OnError(with(r, body), err)
		}
		refuse(w, err)
		return
	}
	h.Next.ServeHTTP(w, with(r, body))
}

// with returns a copy of a request with the body that was read: the caller's request stays as it is.
func with(r *http.Request, body []byte) *http.Request {
	handed := r.WithContext(r.Context())
	handed.Body = io.NopCloser(bytes.NewReader(body))
	handed.ContentLength = int64(len(body))
	handed.TransferEncoding = nil
	return handed
}

// verified reads the body of a request and verifies it. What is refused by its head is not read. The body is what was
// read also with an error.
func (h *Handler) verified(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, ErrMethod
	}
	header, err := headerOf(r)
	if err != nil {
		return nil, err
	}
	secrets, err := h.Secrets(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecrets, err)
	}
	if !anySecret(secrets) {
		return nil, ErrNoSecret
	}
	body, err := h.read(w, r)
	if err != nil {
		return body, err
	}
	return body, Verify(header, body, secrets...)
}

// headerOf returns the Signature header of a request, if it is well-formed.
func headerOf(r *http.Request) (string, error) {
	values := r.Header.Values(Header)
	if len(values) > 1 {
		return "", &MalformedError{PartCount}
	}
	header := r.Header.Get(Header)
	_, err := parse(header)
	return header, err
}

func (h *Handler) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := h.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	if r.Body == nil { // of a request that no server made
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return body, ErrTooLarge
	case err != nil:
		return body, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return body, nil
}

// refuse answers with the status of an error and the words of that status: what was wrong is not the caller's to know.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusUnauthorized
	switch {
	case errors.Is(err, ErrMethod):
		w.Header().Set("Allow", http.MethodPost)
		status = http.StatusMethodNotAllowed
	case errors.Is(err, ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrUnreadable):
		status = http.StatusBadRequest
	case errors.Is(err, ErrSecrets):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, http.StatusText(status), status)
}
