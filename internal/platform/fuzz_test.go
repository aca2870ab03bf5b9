package platform

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	. "github.com/onsi/gomega"
)

// expectQuotable checks that a text can stand in a condition, an event or a log line.
func expectQuotable(g *WithT, text string, longest int) {
	g.Expect(len(text)).To(BeNumerically("<=", longest+len("…")))
	g.Expect(utf8.ValidString(text)).To(BeTrue())
	g.Expect(strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })).To(Equal(-1), "%q", text)
	g.Expect(text).To(Equal(strings.TrimSpace(text)))
}

func FuzzErrorBody(f *testing.F) {
	const secret = "MARKED-signing-secret-4eb25d308ef2a9722ffbd7a2"
	f.Fuzz(func(t *testing.T, body []byte) {
		g := NewWithT(t)
		e := &Error{Operation: "create webhook", Method: http.MethodPost, Path: "/webhooks", Status: 422}
		e.readError(body, "", "short", secret)
		if e.Code == "" {
			g.Expect(e.Message + e.Target).To(BeEmpty())
			g.Expect(e.Details).To(BeEmpty())
			g.Expect(e.Said()).To(BeEmpty())
			g.Expect(outcome(e)).To(Equal(Unknown))
		}
		g.Expect(len(e.Details)).To(BeNumerically("<=", maxErrorDetails))
		for _, d := range append(e.Details, Detail{e.Code, e.Message, e.Target}) {
			for _, text := range []string{d.Code, d.Message, d.Target} {
				expectQuotable(g, text, maxErrorText)
			}
		}
		expectQuotable(g, e.Said(), maxErrorLine)
		expectQuotable(g, e.Error(), maxErrorLine)
		g.Expect(e.Error()).NotTo(ContainSubstring(secret))
	})
}

func FuzzListBody(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		g := NewWithT(t)
		c := &collector{most: maxListEntries, large: func() error { return nil }}
		_, err := c.readPage(bytes.NewReader(body))
		if err != nil {
			expectQuotable(g, (&Error{Cause: err}).Error(), maxErrorLine)
			return
		}
		l := c.listing()
		for _, w := range append(l.Webhooks, l.Unreadable...) {
			g.Expect(ValidID(w.ID)).To(BeTrue())
			g.Expect(w.Created.Location()).To(Equal(time.UTC))
		}
		for _, issue := range l.Issues {
			expectQuotable(g, issue, maxIssueText)
		}
		g.Expect(len(l.Webhooks) + len(l.Unreadable)).To(BeNumerically("<=", c.entries))
		if len(l.Webhooks)+len(l.Unreadable) < c.entries {
			g.Expect(l.Incomplete).To(BeTrue(), "none is left out")
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	number := regexp.MustCompile(`^[0-9]+$`)
	f.Fuzz(func(t *testing.T, standard, platforms, date string) {
		g := NewWithT(t)
		h := http.Header{}
		h.Set("Retry-After", standard)
		h.Set("iTwinPlatform-RateLimit-Retry-After-Seconds", platforms)
		h.Set("Date", date)
		wait := retryAfter(h, start)
		g.Expect(wait).To(BeNumerically(">=", 0))
		g.Expect(wait).To(BeNumerically("<=", time.Hour))
		if number.MatchString(standard) {
			want := time.Hour
			if seconds, err := strconv.Atoi(standard); err == nil && seconds < 3600 {
				want = time.Duration(seconds) * time.Second
			}
			g.Expect(wait).To(Equal(want))
		}
		e := &Error{Status: http.StatusTooManyRequests}
		e.readRetryAfter(h, start)
		g.Expect(e.RetryAfter).To(BeNumerically(">", 0), "a 429 always asks for some time")
	})
}
