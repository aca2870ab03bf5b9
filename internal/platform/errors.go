package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	// Method and Path of the request.
	Method, Path string
	// Status is the HTTP status, or 0 when there was no answer.
	Status int
	// Code, Message, Target and Details are the platform's own words; empty when the body carried none.
	Code, Message, Target string
	Details               []Detail
	// RetryAfter is how long the platform asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Outcome says whether a write may have taken effect.
	Outcome Outcome
	// Cause is the underlying error when there was no answer, or one that could not be read.
	Cause error
	// login is true when no token was to be had: what the token server answers is not about any webhook.
	login bool
}

// Error tells what was asked and what came back. It holds no secret and no token: both travel in bodies and headers
// only, and neither is quoted.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s", e.Operation, e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Status, http.StatusText(e.Status))
	}
	if said := e.Said(); said != "" {
		fmt.Fprintf(&b, ": %s", said)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %s", e.Cause)
	}
	return b.String()
}

// Said returns the platform's own words in one line, or "" when it said nothing readable.
func (e *Error) Said() string {
	if e.Code == "" {
		return ""
	}
	said := e.Code + ": " + e.Message
	if e.Target != "" {
		said += " (target: " + e.Target + ")"
	}
	for _, d := range e.Details {
		said += "; " + d.Code + ": " + d.Message
		if d.Target != "" {
			said += " (target: " + d.Target + ")"
		}
	}
	return said
}

func (e *Error) Unwrap() error { return e.Cause }

// ThrottledError says that a call was not sent, and when to come back.
type ThrottledError struct {
	// After is how long to wait. Callers are told different times, so that they do not all come back at once.
	After time.Duration
	// Closed is true when the platform asked for the pause (429), false when the operator paces itself.
	Closed bool
}

func (e *ThrottledError) Error() string {
	if e.Closed {
		return fmt.Sprintf("the platform's rate limit is used up; next try in %s", e.After.Round(time.Second))
	}
	return fmt.Sprintf("waiting for a place within the rate limit; next try in %s", e.After.Round(time.Second))
}

// IsNotFound tells whether the platform itself, not some proxy, says that the webhook does not exist.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound && e.Code != "" && !e.login
}

// IsUnauthorized tells whether the credentials are refused.
func IsUnauthorized(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusUnauthorized
}

// IsForbidden tells whether the credentials are good but lack the permission.
func IsForbidden(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusForbidden && e.Code != "" && !e.login
}

// IsRefused tells whether the platform refuses the request as such: the same one will be refused again.
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

// IsRateLimited tells whether the rate limit, the platform's or our own pacing, stood in the way, and for how long.
func IsRateLimited(err error) (time.Duration, bool) {
	if t, ok := errors.AsType[*ThrottledError](err); ok {
		return t.After, true
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusTooManyRequests {
		return e.RetryAfter, true
	}
	return 0, false
}

// MayHaveHappened tells whether a failed write may have taken effect, now or later.
func MayHaveHappened(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Outcome == Unknown
}

const (
	maxErrorText    = 1024
	maxErrorDetails = 10
)

// readError fills in what the body says. Not every failed request carries such a body (API page, "Error Response").
func (e *Error) readError(body []byte) {
	var envelope struct {
		Error struct {
			Code    string   `json:"code"`
			Message string   `json:"message"`
			Target  string   `json:"target"`
			Details []Detail `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.Error.Code == "" {
		return
	}
	said := envelope.Error
	e.Code, e.Message, e.Target = clean(said.Code), clean(said.Message), clean(said.Target)
	for i, d := range said.Details {
		if i == maxErrorDetails {
			break
		}
		e.Details = append(e.Details, Detail{clean(d.Code), clean(d.Message), clean(d.Target)})
	}
}

// clean makes foreign text fit for a condition, an event or a log line: bounded, valid and on one line.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "…"
	}
	return strings.TrimSpace(s)
}
