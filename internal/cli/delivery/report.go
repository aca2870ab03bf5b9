package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	// platformWaits is how long the platform waits for an answer.
	platformWaits = 5 * time.Second
	// shownBody is how much of the body of an answer is shown.
	shownBody = 200
)

// report is what is told of an attempt. Its JSON is documented in docs/cli.md: fields are added, and none is renamed.
type report struct {
	Namespace   string       `json:"namespace"`
	Name        string       `json:"name"`
	CallbackURL string       `json:"callbackUrl"`
	EventType   string       `json:"eventType"`
	MessageID   string       `json:"messageId"`
	Secret      string       `json:"secret"`
	Note        string       `json:"note,omitempty"`
	Certificate *certificate `json:"certificate,omitempty"`
	// Status is 0 without an answer, and Failure why there is none.
	Status       int     `json:"status,omitempty"`
	Answer       string  `json:"answer,omitempty"`
	Failure      string  `json:"failure,omitempty"`
	Milliseconds float64 `json:"milliseconds"`
	// Delivered is whether the platform would take the event as delivered, and Why why not.
	Delivered bool   `json:"delivered"`
	Why       string `json:"why,omitempty"`
}

// certificate is what is told of the receiver's.
type certificate struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Names    []string  `json:"names,omitempty"`
	Expires  time.Time `json:"expires"`
	Verified bool      `json:"verified"`
	Problem  string    `json:"problem,omitempty"`
}

func newReport(w *itwinv1alpha1.Webhook, note string) *report {
	ref := w.SigningSecret()
	return &report{
		Namespace: w.Namespace, Name: w.Name, CallbackURL: platform.WithoutQueries(w.Spec.CallbackURL),
		Secret: fmt.Sprintf("%s, key %s", ref.Name, ref.Key), Note: note,
	}
}

// sent takes over what came of the attempt, without the secret, which a receiver may answer with.
func (r *report) sent(o outcome, secret string) {
	r.EventType, r.MessageID = o.event.EventType, o.event.MessageID
	r.Status, r.Milliseconds = o.status, float64(o.took.Microseconds())/1000
	if o.status != 0 && o.status != http.StatusOK {
		r.Answer = shortened(strings.ReplaceAll(o.body, secret, "…"))
	}
	if o.failure != nil {
		r.Failure = failureOf(o.failure)
	}
	if c := o.certificate; c != nil {
		r.Certificate = &certificate{
			Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: c.DNSNames, Expires: c.NotAfter.UTC(),
			Verified: o.untrusted == nil,
		}
		for _, ip := range c.IPAddresses {
			r.Certificate.Names = append(r.Certificate.Names, ip.String())
		}
		if o.untrusted != nil {
			r.Certificate.Problem = o.untrusted.Error()
		}
	}
	r.Why = r.whyNot(o)
	r.Delivered = r.Why == ""
}

// whyNot is why the platform would not take the event as delivered; "" when it would.
func (r *report) whyNot(o outcome) string {
	switch {
	case o.untrusted != nil:
		return "the certificate cannot be verified: " + o.untrusted.Error()
	case o.failure != nil:
		return r.Failure
	case o.status == http.StatusUnauthorized || o.status == http.StatusForbidden:
		return fmt.Sprintf("the answer is %d and must be 200: the receiver may verify with another secret", o.status)
	case o.status/100 == 3:
		return fmt.Sprintf("the answer is %d and must be 200: redirects are not followed", o.status)
	case o.status != http.StatusOK:
		return fmt.Sprintf("the answer is %d and must be 200", o.status)
	case o.took > platformWaits:
		return fmt.Sprintf("the answer took %s and must come within 5s", rounded(o.took))
	}
	return ""
}

func failureOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer came in time"
	}
	return err.Error()
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func shortened(text string) string {
	runes := []rune(strings.TrimSpace(output.Clean(text)))
	if len(runes) > shownBody {
		return string(runes[:shownBody]) + "…"
	}
	return string(runes)
}

// write tells people or programs.
func (r *report) write(out io.Writer, format output.Format) error {
	if format != output.Table {
		return output.Value(out, format, r)
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name+":", output.Clean(fmt.Sprintf(format, args...)))
	}
	line("Webhook", "%s/%s", r.Namespace, r.Name)
	line("Callback", "%s", r.CallbackURL)
	line("Event", "%s, synthetic, messageId %s", r.EventType, r.MessageID)
	line("Signed with", "Secret %s", r.Secret)
	if r.Note != "" {
		line("Note", "%s", r.Note)
	}
	if c := r.Certificate; c != nil {
		verified := "verified"
		if !c.Verified {
			verified = "not verified: " + c.Problem
		}
		line("Certificate", "%s, for %s", c.Subject, strings.Join(c.Names, ", "))
		line("Issuer", "%s", c.Issuer)
		line("Expires", "%s", c.Expires.Format(time.RFC3339))
		line("Trust", "%s", verified)
	}
	if r.Status != 0 {
		line("Answer", "%d %s after %.0fms", r.Status, http.StatusText(r.Status), r.Milliseconds)
	} else {
		line("Answer", "none after %.0fms: %s", r.Milliseconds, r.Failure)
	}
	if r.Answer != "" {
		line("Body", "%s", r.Answer)
	}
	if r.Delivered {
		line("Delivered", "yes: the platform takes 200 within 5s as delivered")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
