package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Forever as the times of a fault keeps it until it is removed.
const Forever = -1

// Fault is something that goes wrong with calls to the platform. The first one that matches a call and is not used up
// is played, one per call; calls with faults are counted like others.
type Fault struct {
	// Match says which calls; the zero value is every call.
	Match Match `json:"match"`
	// Times is how many calls it spoils; zero means 1, and Forever, or any other negative number, until it is removed.
	Times int `json:"times"`
	// Action is what happens:
	//
	//	status:503                    answered so, without effect, with the platform's own error body where it has one
	//	status:429;retry-after=7      the same, with Retry-After; +7s is that time as a date
	//	html:502                      answered so, without effect, with a proxy's HTML
	//	empty:503                     answered so, without effect and without a body
	//	drop-request                  the connection is closed, without effect
	//	drop-response                 carried out, then the connection is closed
	//	delay:3s                      carried out that much later in real time, even if the client is gone by then
	//	delay-response:3s             carried out now, and answered that much later
	//	garbage                       carried out, then answered 200 with what is no JSON
	//	truncate                      carried out, then the answer breaks off half-way
	//	empty-list                    answered 200 with no webhooks, without effect
	//	null-list                     answered 200 with null for the list, without effect
	//	accepted:204                  carried out, then answered so, without a body
	//	bom                           carried out, then answered with a byte order mark before the body
	//	odd-entries:active            carried out; in the answer that property is null wherever it occurs
	//	redirect:307                  answered so, to another path, without effect
	//	expires-in:3600.5             carried out; in a token, expires_in is this JSON, or missing if there is none
	//	token-type:bearer             carried out; in a token, token_type is this text
	//	token-error:200               answered so, with the error invalid_client of a token server, without effect
	//	gzip                          carried out; the answer is compressed where the client accepts that
	//	extra-fields                  carried out; every object of the answer has two more properties
	Action string `json:"action"`
}

// Match selects calls to the platform. An empty field matches everything.
type Match struct {
	// Method is an HTTP method.
	Method string `json:"method,omitempty"`
	// Path is a path ("/webhooks"), a route template ("/webhooks/{id}"), or a pattern of path.Match, whose * stands for
	// anything but a slash ("/webhooks/*").
	Path string `json:"path,omitempty"`
	// ClientID is that of the account the call belongs to.
	ClientID string `json:"clientId,omitempty"`
	// Body is a text that the body of the request contains.
	Body string `json:"body,omitempty"`
}

func (m Match) matches(c *call, clientID string) bool {
	return (m.Method == "" || strings.EqualFold(m.Method, c.request.Method)) &&
		(m.ClientID == "" || m.ClientID == clientID) &&
		(m.Body == "" || bytes.Contains(c.body, []byte(m.Body))) &&
		(m.Path == "" || m.Path == c.template || matchesPath(m.Path, c.request.URL.Path))
}

func matchesPath(pattern, requested string) bool {
	matched, _ := path.Match(pattern, strings.TrimSuffix(requested, "/")) // the pattern was checked when it was set
	return matched
}

// fault is a Fault that has been read.
type fault struct {
	Fault
	kind       string
	status     int
	retryAfter string
	delay      time.Duration
	argument   string
}

// Kinds of actions.
const (
	actionStatus       = "status"
	actionHTML         = "html"
	actionEmpty        = "empty"
	actionDropRequest  = "drop-request"
	actionDropResponse = "drop-response"
	actionDelay        = "delay"
	actionLate         = "delay-response"
	actionGarbage      = "garbage"
	actionTruncate     = "truncate"
	actionEmptyList    = "empty-list"
	actionNullList     = "null-list"
	actionAccepted     = "accepted"
	actionBOM          = "bom"
	actionOddEntries   = "odd-entries"
	actionRedirect     = "redirect"
	actionExpiresIn    = "expires-in"
	actionTokenType    = "token-type"
	actionTokenError   = "token-error"
	actionGzip         = "gzip"
	actionExtraFields  = "extra-fields"
)

// faultActions lists the kinds of actions.
var faultActions = []string{
	actionStatus, actionHTML, actionEmpty, actionDropRequest, actionDropResponse, actionDelay, actionLate,
	actionGarbage, actionTruncate, actionEmptyList, actionNullList, actionAccepted, actionBOM, actionOddEntries,
	actionRedirect, actionExpiresIn, actionTokenType, actionTokenError, actionGzip, actionExtraFields,
}

var errFaultAction = errors.New("the action must be one of status:CODE, status:CODE;retry-after=SECONDS, html:CODE, " +
	"empty:CODE, drop-request, drop-response, delay:DURATION, delay-response:DURATION, garbage, truncate, empty-list, " +
	"null-list, accepted:CODE, bom, odd-entries:PROPERTY, redirect:CODE, expires-in:JSON, " +
	"token-type:TEXT, token-error:CODE, gzip, extra-fields")

func parseFault(f Fault) (*fault, error) {
	if _, err := path.Match(f.Match.Path, ""); err != nil {
		return nil, fmt.Errorf("match.path: %w", err)
	}
	if f.Match.Path != "" && !strings.HasPrefix(f.Match.Path, "/") && f.Match.Path != "*" {
		return nil, errors.New(`match.path must begin with "/"`)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	parsed := &fault{Fault: f}
	kind, argument, hasArgument := strings.Cut(f.Action, ":")
	parsed.kind, parsed.argument = kind, argument
	var err error
	switch kind {
	case actionOddEntries, actionExpiresIn, actionTokenType:
		if kind != actionExpiresIn && argument == "" || kind == actionExpiresIn && argument != "" &&
			!json.Valid([]byte(argument)) {
			err = errFaultAction
		}
	case actionStatus, actionHTML, actionEmpty, actionAccepted, actionRedirect, actionTokenError:
		err = parsed.parseStatus(argument)
	case actionDelay, actionLate:
		parsed.delay, err = time.ParseDuration(argument)
		if err == nil && (parsed.delay < 0 || parsed.delay > time.Hour) {
			err = errors.New("a delay lies between 0s and 1h")
		}
	case actionDropRequest, actionDropResponse, actionGarbage, actionTruncate, actionEmptyList, actionNullList,
		actionBOM, actionGzip, actionExtraFields:
		if hasArgument {
			err = errFaultAction
		}
	default:
		err = errFaultAction
	}
	if err != nil {
		return nil, fmt.Errorf("action %q: %w", f.Action, err)
	}
	return parsed, nil
}

func (f *fault) parseStatus(argument string) error {
	code, option, hasOption := strings.Cut(argument, ";")
	status, err := strconv.Atoi(code)
	if err != nil || status < 200 || status > 599 {
		return errors.New("a status is a number from 200 to 599")
	}
	f.status = status
	if !hasOption {
		return nil
	}
	name, value, _ := strings.Cut(option, "=")
	if name != "retry-after" || value == "" || strings.ContainsAny(value, "\r\n") {
		return errors.New("the only option is retry-after=SECONDS")
	}
	f.retryAfter = value
	return nil
}

// play makes of a call what the fault says.
func (f *fault) play(s *Simulator, w http.ResponseWriter, c *call) {
	switch f.kind {
	case actionStatus:
		s.send(w, f.withRetryAfter(s, errorForStatus(c, f.status)))
	case actionTokenError:
		s.send(w, tokenError(f.status, "invalid_client"))
	case actionHTML:
		s.send(w, f.withRetryAfter(s, htmlResponse(f.status)))
	case actionEmpty:
		s.send(w, f.withRetryAfter(s, newResponse(f.status)))
	case actionDropRequest:
		panic(http.ErrAbortHandler)
	case actionDropResponse:
		s.answer(c)
		panic(http.ErrAbortHandler)
	case actionDelay:
		s.sleep(f.delay)
		s.send(w, s.answer(c))
	case actionLate:
		r := s.answer(c)
		s.sleep(f.delay)
		s.send(w, r)
	case actionGarbage:
		s.answer(c)
		s.send(w, garbage())
	case actionTruncate:
		s.sendHalf(w, s.answer(c))
	case actionEmptyList:
		s.send(w, jsonResponse(http.StatusOK, listV2Body{Webhooks: []webhookV2{}}))
	case actionNullList:
		s.send(w, jsonResponse(http.StatusOK, listV2Body{}))
	case actionRedirect:
		r := newResponse(f.status)
		r.header.Set("Location", "/elsewhere"+c.request.URL.Path)
		s.send(w, r)
	default:
		s.send(w, f.change(c, s.answer(c)))
	}
}

// change spoils the answer to a call that was carried out.
func (f *fault) change(c *call, r *response) *response {
	switch f.kind {
	case actionGzip:
		return r.compressedFor(c)
	case actionExtraFields:
		r.body = bytes.ReplaceAll(r.body, []byte(`{"`), []byte(`{"extra":{},"more":[null],"`))
	case actionTokenType:
		r.body = oddProperty("token_type").ReplaceAllLiteral(r.body, fmt.Appendf(nil, `"token_type":%q`, f.argument))
	case actionAccepted:
		return newResponse(f.status)
	case actionBOM:
		r.body = append([]byte("\ufeff"), r.body...)
	case actionOddEntries:
		r.body = oddProperty(f.argument).ReplaceAll(r.body, []byte(`$1:null`))
	case actionExpiresIn:
		replacement := []byte(`"expires_in":` + f.argument)
		if f.argument == "" {
			replacement = []byte(`"expires_at":null`)
		}
		r.body = oddProperty("expires_in").ReplaceAllLiteral(r.body, replacement)
	}
	return r
}

// oddProperty matches a property whose value is a string, a number or a bool.
func oddProperty(name string) *regexp.Regexp {
	return regexp.MustCompile(`("` + regexp.QuoteMeta(name) + `"):("[^"]*"|[a-z0-9.]+)`)
}

func (f *fault) withRetryAfter(s *Simulator, r *response) *response {
	if after, err := time.ParseDuration(f.retryAfter); err == nil && strings.HasPrefix(f.retryAfter, "+") {
		r.header.Set("Retry-After", s.clock.now().Add(after).Format(http.TimeFormat))
	} else if f.retryAfter != "" {
		r.header.Set("Retry-After", f.retryAfter)
	}
	return r
}

func garbage() *response {
	r := newResponse(http.StatusOK)
	r.header.Set("Content-Type", "application/json; charset=utf-8")
	r.body = []byte(`{"webhooks":[{"id":"e69`)
	return r
}

// sendHalf announces the whole answer, sends half of it and closes the connection.
func (s *Simulator) sendHalf(w http.ResponseWriter, r *response) {
	r.header.Set("Content-Length", strconv.Itoa(len(r.body)))
	cut := *r
	cut.body = nil
	s.send(w, &cut)
	_, _ = w.Write(r.body[:len(r.body)/2])
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	panic(http.ErrAbortHandler)
}

// faultList holds the faults in the order in which they were set.
type faultList []*fault

// take uses up one time of the first fault that matches.
func (l *faultList) take(c *call, clientID string) *fault {
	i := slices.IndexFunc(*l, func(f *fault) bool { return f.Match.matches(c, clientID) })
	if i < 0 {
		return nil
	}
	f := (*l)[i]
	if f.Times > 0 {
		if f.Times--; f.Times == 0 {
			*l = slices.Delete(*l, i, i+1)
		}
	}
	return f
}
