package platform

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"
)

// Outcome says what a failed write may have done.
type Outcome int

const (
	// Unknown: the change may have been made, now or later.
	Unknown Outcome = iota
	// Refused: nothing happened and nothing will.
	Refused
	// Accepted: the platform said yes, but not what the state is now. The next list or read tells.
	Accepted
)

// Detail is one entry of an error's details.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target"`
}

// Error is a call that did not succeed: what was asked, and what the platform said.
type Error struct {
	// Operation in words, for example "create webhook".
	Operation string
	// Method, Host and Path of the request.
	Method, Host, Path string
	// Status is the HTTP status, or 0 when there was no answer.
	Status int
	// Code, Message, Target and Details are the platform's own words; empty when the body carried none.
	Code, Message, Target string
	Details               []Detail
	// Answer says what came instead of the platform's own words, such as a proxy's page, with its text, or a redirect;
	// "" when those came, or no answer did.
	Answer string
	// RetryAfter is how long the platform asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Tier is the name of the account's subscription, where an answer had it.
	Tier string
	// Outcome says whether a write may have taken effect.
	Outcome Outcome
	// Cause is the underlying error when there was no answer, or one that could not be read.
	Cause error
	// login is true when no token was to be had: what the token server answers is not about any webhook.
	login bool
}

// Error tells what was asked and what came back, in one line of bounded length and in words that stay the same while
// the same thing goes wrong. It holds no secret, no token and no query of a URL.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s", e.Operation, e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Status, http.StatusText(e.Status))
	}
	if said := e.Said(); said != "" {
		fmt.Fprintf(&b, ": %s", said)
	}
	if e.Answer != "" {
		fmt.Fprintf(&b, ": %s", e.Answer)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %s", e.Cause)
	}
	return cut(b.String(), maxErrorLine)
}

// Said returns the platform's own words in one line, or "" when it said nothing readable.
func (e *Error) Said() string {
	if e.Code == "" {
		return ""
	}
	said := []string{Detail{e.Code, e.Message, e.Target}.String()}
	for _, d := range e.Details {
		said = append(said, d.String())
	}
	return cut(strings.Join(said, "; "), maxErrorLine)
}

// String returns a detail in one line.
func (d Detail) String() string {
	said := d.Code
	if d.Message != "" {
		said += ": " + d.Message
	}
	if d.Target != "" {
		said += " (target: " + d.Target + ")"
	}
	return said
}

func (e *Error) Unwrap() error { return e.Cause }

// OfAnother is a failed call as it is told to the callers that it keeps waiting: which webhook it was about, and what
// the platform said of that one, is not for them. That the credentials are refused concerns all.
func OfAnother(err error) error {
	e, answered := errors.AsType[*Error](err)
	if !answered || e.login {
		return err
	}
	other := *e
	other.Operation, other.Path = "a call about another webhook", "/webhooks"
	if id := path.Base(e.Path); id != path.Base(other.Path) {
		other.Answer = strings.ReplaceAll(e.Answer, id, "…") // a page, or a redirect, may quote the path
	}
	if e.Status != http.StatusUnauthorized {
		other.Code, other.Message, other.Target, other.Details = "", "", "", nil
	}
	if _, quotes := errors.AsType[*quotedError](e.Cause); quotes {
		other.Cause = errors.New("the answer is not what was asked for")
	}
	return &other
}

// quotedError is a cause that quotes what an answer says of one webhook.
type quotedError struct{ error }

// ThrottledError says that a call was not sent, and when to come back.
type ThrottledError struct {
	// After is how long to wait. Callers are told different times, so that they do not all come back at once.
	After time.Duration
	// Closed is true when the platform asked for the pause (429), false when the operator paces itself.
	Closed bool
	// InFlight is true when the rate limits leave room but too many calls are in flight.
	InFlight bool
	// Own is true when the limits of the connection itself say how long, not those of its account.
	Own bool
	// Limit is the one that says how long, where it is a rate limit of the operator.
	Limit Limit
	// Tier is the name of the account's subscription, where an answer had it.
	Tier string
}

func (e *ThrottledError) Error() string {
	wait := e.After.Round(time.Second)
	switch {
	case e.Closed:
		return fmt.Sprintf("the platform asked for a pause; next try in %s", wait)
	case e.InFlight:
		return fmt.Sprintf("too many calls are in flight; next try in %s", wait)
	}
	return fmt.Sprintf("waiting for a slot within the rate limit of %s; next try in %s", e.Limit, wait)
}

// IsNotFound reports whether the platform itself, not some proxy, says that the webhook does not exist.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound && e.Code != "" && !e.login
}

// IsUnauthorized reports whether the platform, or the token server, refuses the credentials in its own words. A bare
// 401 or 403 may be a proxy's.
func IsUnauthorized(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code != "" && (e.Status == http.StatusUnauthorized || e.login && e.Status == http.StatusForbidden)
}

// IsForbidden reports whether the credentials are good but lack the permission.
func IsForbidden(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusForbidden && e.Code != "" && !e.login
}

// IsRefused reports whether the platform refuses the request as such: the same one will be refused again.
func IsRefused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Outcome != Refused || e.login {
		return false
	}
	switch e.Status {
	case 0, http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests:
		return false
	}
	return e.Status >= 400 && e.Status < 500
}

// IsRateLimited reports whether the rate limit, the platform's or our own pacing, stood in the way, and for how long.
func IsRateLimited(err error) (time.Duration, bool) {
	if t, ok := errors.AsType[*ThrottledError](err); ok {
		return t.After, true
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusTooManyRequests {
		return e.RetryAfter, true
	}
	return 0, false
}

// IsConnectionTrouble reports whether an error lies in one connection's own way to the account, not in the account: no
// token was to be had, the API refused it, or the server's certificate cannot be verified.
func IsConnectionTrouble(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	return e.login || e.Status == http.StatusUnauthorized || unverified
}

// MayHaveHappened reports whether a failed write may have taken effect, now or later.
func MayHaveHappened(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Outcome != Refused
}

// IsAccepted reports whether a write succeeded although the answer does not say what the state is now: it had another
// status, or another body, than documented. It is no failure: the next list or read is the evidence.
func IsAccepted(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Outcome == Accepted
}

// unusableError is the error of a success whose body does not say what it should.
type unusableError struct{ error }

func (e *unusableError) Unwrap() error { return e.error }

const (
	// maxErrorText bounds each thing that the platform says, and maxErrorLine a whole error: the message of a condition
	// holds 32 KiB.
	maxErrorText    = 1024
	maxErrorLine    = 8 << 10
	maxErrorDetails = 10
	// shortestSecret is the shortest that is looked for in what the platform says; a shorter one would be found anywhere.
	shortestSecret = 8
)

// readError fills in what the body says, without the secrets that the request held. Not every failed request carries
// such a body (API page, "Error Response").
func (e *Error) readError(body []byte, secrets ...string) {
	var envelope struct {
		Error struct {
			Code    string   `json:"code"`
			Message string   `json:"message"`
			Target  string   `json:"target"`
			Details []Detail `json:"details"`
		} `json:"error"`
	}
	err := json.Unmarshal(bytes.TrimPrefix(body, bom), &envelope)
	// A part of another type than documented, which is left out, does not make the rest unreadable.
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !odd {
		return
	}
	said, quote := envelope.Error, quoter(secrets)
	if e.Code = quote(said.Code); e.Code == "" {
		return
	}
	e.Message, e.Target = quote(said.Message), quote(said.Target)
	for i, d := range said.Details {
		if i == maxErrorDetails {
			break
		}
		e.Details = append(e.Details, Detail{quote(d.Code), quote(d.Message), quote(d.Target)})
	}
}

// quoter makes foreign text fit to be quoted: clean, and without secrets.
func quoter(secrets []string) func(string) string {
	return func(s string) string {
		for _, secret := range secrets {
			if len(secret) >= shortestSecret {
				s = strings.ReplaceAll(s, secret, "***")
			}
		}
		return Clean(WithoutQueries(s))
	}
}

// Clean makes foreign text fit for a condition, an event or a log line: bounded, valid and on one line.
func Clean(s string) string { return cut(s, maxErrorText) }

// cut leaves of a text what can be printed in one line of so many bytes.
func cut(s string, longest int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strings.TrimSpace(s)
}
