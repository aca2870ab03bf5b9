package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"webhook-operator.io/itwin/signature"
)

// A receiver: it verifies with the current and the previous secret of a mounted Secret, processes each event once, and
// answers 200 within 5 seconds.
func Example() {
	var once signature.Once
	events := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // the bytes that were verified
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		event, err := signature.ParseEvent(body)
		if err != nil {
			http.Error(w, "no event", http.StatusBadRequest)
			return
		}
		if event.Synthetic() {
			return // a test of the route by kubectl itwin test: the answer is 200
		}
		// What takes longer than a few seconds belongs into a queue; answer when it is safely there.
		if _, err := once.Do(event.Key(), func() error { return process(event) }); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable) // the platform delivers it again
			return
		}
		w.WriteHeader(http.StatusOK) // 200 alone counts, no 202 or 204
	}
	receiver := &signature.Handler{
		Secrets: signature.Files("/etc/itwin/secret", "/etc/itwin/previous"),
		Next:    http.HandlerFunc(events),
		OnError: func(r *http.Request, err error) { slog.Warn("Refused a request", "path", r.URL.Path, "error", err) },
	}
	server := &http.Server{
		Addr: ":8443", Handler: receiver,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	if certificate := os.Getenv("TLS_CERT_FILE"); certificate != "" {
		_ = server.ListenAndServeTLS(certificate, os.Getenv("TLS_KEY_FILE"))
	}
	// Output:
}

func process(event signature.Event) error {
	fmt.Println("processed", event.EventType)
	return nil
}

// The handler verifies; the handler behind it reads the bytes again.
func ExampleHandler() {
	receiver := &signature.Handler{
		Secrets: signature.Static(os.Getenv("WEBHOOK_SECRET_OF_THE_EXAMPLE"), "0123456789abcdef0123456789abcdef"),
		Next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Printf("verified %s\n", body)
		}),
		OnError: func(_ *http.Request, err error) { fmt.Println(err) },
	}
	deliver := func(secret string) {
		body := []byte(`{"eventType":"iTwins.iTwinCreated.v1"}`)
		request := httptest.NewRequest(http.MethodPost, "/events", bytes.NewReader(body))
		request.Header.Set(signature.Header, signature.Sign(secret, body))
		answer := httptest.NewRecorder()
		receiver.ServeHTTP(answer, request)
		fmt.Println("answered", answer.Code)
	}
	deliver("0123456789abcdef0123456789abcdef")
	deliver("another")
	// Output:
	// verified {"eventType":"iTwins.iTwinCreated.v1"}
	// answered 200
	// verify the signature: it was not made of this body with any of the secrets
	// answered 401
}

func ExampleVerify() {
	body := []byte(`{"eventType":"iTwins.iTwinCreated.v1"}`)
	current, previous := "the-secret-after-the-last-rotation-", "the-secret-before-the-last-rotation"
	header := signature.Sign(previous, body) // as the platform did until the rotation

	fmt.Println(signature.Verify(header, body, current, previous))
	err := signature.Verify(header, body, current)
	fmt.Println(errors.Is(err, signature.ErrMismatch))
	var malformed *signature.MalformedError
	fmt.Println(errors.As(signature.Verify("sha1=00", body, current), &malformed), malformed.Part)
	// Output:
	// <nil>
	// true
	// true scheme
}

func ExampleExplain() {
	body := []byte(`{"eventType":"iTwins.iTwinCreated.v1"}`)
	header := signature.Sign("0123456789abcdef0123456789abcdef", body)
	found, ok, err := signature.Explain(header, body,
		signature.Candidate{Name: "the secret in secret.txt", Secret: "0123456789abcdef0123456789abcdef\n"})
	fmt.Println(ok, err)
	fmt.Println(found.SecretForm, found.BodyForm)
	fmt.Println(strings.ReplaceAll(found.String(), ". ", ".\n"))
	// Output:
	// true <nil>
	// without newline as given
	// The signature was made with the secret in secret.txt without the newline at its end, of the body.
	// Remove the newline from the end of the secret that verifies, as by printf %s instead of echo.
}

// A person can compare the last request that was refused with what verify-signature says of it.
func ExampleHandler_OnError() {
	folder := os.Getenv("SAVE_REFUSED_TO") // unset, but while you look for the cause
	receiver := &signature.Handler{
		Secrets: signature.Static("0123456789abcdef0123456789abcdef"),
		Next:    http.NotFoundHandler(),
		OnError: func(r *http.Request, err error) {
			slog.Warn("Refused a request", "path", r.URL.Path, "error", err)
			if folder == "" || !errors.Is(err, signature.ErrMismatch) {
				return
			}
			body, _ := io.ReadAll(r.Body) // at most MaxBody
			_ = os.WriteFile(filepath.Join(folder, "refused.signature"), []byte(r.Header.Get(signature.Header)), 0o600)
			_ = os.WriteFile(filepath.Join(folder, "refused.body"), body, 0o600)
		},
	}
	http.Handle("/events", receiver)
	// Output:
}

func ExampleOnce() {
	var once signature.Once
	event := signature.Event{MessageID: "d0d5ae2b-77cd-4361-bfee-ee42a1f8a0a9", WebhookID: "orders"}
	other := signature.Event{MessageID: event.MessageID, WebhookID: "audit"}
	for _, delivered := range []signature.Event{event, event, other} {
		processed, err := once.Do(delivered.Key(), func() error { return nil })
		fmt.Println(delivered.WebhookID, processed, err)
	}
	// Output:
	// orders true <nil>
	// orders false <nil>
	// audit true <nil>
}

func ExampleEvent_EnqueuedTime() {
	event, err := signature.ParseEvent([]byte(`{"enqueuedDateTime":"10/12/2023 6:25:39 PM"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.EnqueuedTime())
	// Output: 2023-10-12 18:25:39 +0000 UTC <nil>
}
