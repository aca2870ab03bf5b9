package platform_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

func (s *scene) tokensFetched() int {
	_, tokens := s.wire.take()
	return len(tokens)
}

func TestATokenRequestIsAsDocumented(t *testing.T) {
	s := newScene(t, simulator.Options{})
	s.Expect(operations["list"](s, "")).To(Succeed())
	_, tokens := s.wire.take()
	s.Expect(tokens).To(HaveLen(1))
	r := tokens[0]
	s.Expect(r.method).To(Equal("POST"))
	s.Expect(r.header.Get("Content-Type")).To(Equal("application/x-www-form-urlencoded"))
	s.Expect(r.header.Get("User-Agent")).To(Equal(userAgent))
	s.Expect(r.header).NotTo(HaveKey("Authorization"), "the pair travels in the form")
	s.Expect(r.form()).To(Equal(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"tester"}, "client_secret": {clientSecret},
		"scope": {"itwin-platform"},
	}))
}

func TestATokenIsRefreshedShortlyBeforeItExpires(t *testing.T) {
	s := newScene(t, simulator.Options{})
	list := func() {
		s.t.Helper()
		s.Expect(operations["list"](s, "")).To(Succeed())
	}
	for range 3 {
		list()
		s.Expect(s.tokensFetched()).To(Equal(1))
		for range 58 { // its hour less the two minutes in which it may be replaced
			s.pass(time.Minute)
			list()
		}
		s.Expect(s.tokensFetched()).To(BeZero())
		s.pass(61 * time.Second)
	}
	for _, c := range s.observed {
		s.Expect(c.Status).To(Equal(200), "no token was used until the platform refused it")
	}
}

func TestTokenLifetime(t *testing.T) {
	for name, test := range map[string]struct {
		answer           string
		serves, servesNo time.Duration
	}{
		"an hour":               {`"expires_in":3600`, 58 * time.Minute, 59 * time.Minute},
		"written as a string":   {`"expires_in":"3600"`, 58 * time.Minute, 59 * time.Minute},
		"two minutes":           {`"expires_in":120`, 58 * time.Second, 60 * time.Second},
		"shorter than our care": {`"expires_in":40`, 18 * time.Second, 20 * time.Second},
		"no end":                {`"scope":"itwin-platform"`, 59 * time.Minute, time.Hour},
		"null":                  {`"expires_in":null`, 59 * time.Minute, time.Hour},
		"an empty string":       {`"expires_in":""`, 59 * time.Minute, time.Hour},
		"0":                     {`"expires_in":0`, 59 * time.Minute, time.Hour},
		"negative":              {`"expires_in":-1`, 59 * time.Minute, time.Hour},
		"an object":             {`"expires_in":{}`, 59 * time.Minute, time.Hour},
		"a fraction":            {`"expires_in":3600.5`, 58 * time.Minute, 59 * time.Minute},
		"a fraction, quoted":    {`"expires_in":" 3600.5 "`, 58 * time.Minute, 59 * time.Minute},
		"a huge number":         {`"expires_in":1e300`, 1438 * time.Minute, 1439 * time.Minute},
		"another type":          {`"token_type":"bEARER","expires_in":3600`, 58 * time.Minute, 59 * time.Minute},
		"a type that is none":   {`"token_type":7,"expires_in":3600`, 58 * time.Minute, 59 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHandledScene(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == "/connect/token" {
					_, _ = io.WriteString(w, `{"access_token":"t","token_type":"Bearer",`+test.answer+`}`)
				} else {
					_, _ = io.WriteString(w, `{"webhooks":[]}`)
				}
			}))
			for _, step := range []struct {
				at   time.Duration
				want int
			}{{0, 1}, {0, 0}, {test.serves, 0}, {test.servesNo, 1}} {
				s.clock.SetTime(start.Add(step.at))
				s.Expect(operations["list"](s, "")).To(Succeed())
				s.Expect(s.tokensFetched()).To(Equal(step.want), "after %s", step.at)
			}
		})
	}
}

func TestATokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	s := newScene(t, simulator.Options{})
	id := s.created().ID
	s.fault(simulator.Fault{Action: "status:401", Match: simulator.Match{Path: "/webhooks/{id}"}})
	s.Expect(operations["update"](s, id)).To(Succeed())
	api, tokens := s.wire.take()
	s.Expect(tokens).To(HaveLen(1))
	s.Expect(api).To(HaveLen(2))
	s.Expect(api[0].header.Get("Authorization")).NotTo(Equal(api[1].header.Get("Authorization")))
	s.Expect(api[0].body).To(Equal(api[1].body), "the second request is the first, in full")
	s.Expect(operations["get"](s, id)).To(Succeed())
	s.Expect(s.tokensFetched()).To(BeZero(), "the new token stays")
}

func TestCredentialsThatAreRefusedAreNotTriedAgain(t *testing.T) {
	for op, do := range operations {
		t.Run(op, func(t *testing.T) {
			s := newScene(t, simulator.Options{})
			id := s.created().ID
			s.fault(simulator.Fault{Action: "status:401", Times: simulator.Forever, Match: simulator.Match{Path: "/webhooks*"}})
			s.fault(simulator.Fault{Action: "status:401", Times: simulator.Forever, Match: simulator.Match{Path: "/webhooks/*"}})
			err := do(s, id)
			s.Expect(platform.IsUnauthorized(err)).To(BeTrue())
			s.Expect(platform.MayHaveHappened(err)).To(BeFalse())
			s.Expect(platform.IsRefused(err)).To(BeFalse(), "the spec is not to blame")
			s.Expect(err).To(MatchError(ContainSubstring("HeaderNotFound")))
			s.expectNoSecret(err)
			api, tokens := s.wire.take()
			s.Expect(api).To(HaveLen(2))
			s.Expect(tokens).To(HaveLen(1))
		})
	}
}

// Each request of the API counts against the rate limit, also the one that repeats a refused one.
func TestARepeatedRequestTakesASlot(t *testing.T) {
	s := newScene(t, simulator.Options{}, func(o *platform.Options) { o.Limits.PerMinute = 5 })
	s.fault(simulator.Fault{Action: "status:401", Times: simulator.Forever, Match: simulator.Match{Path: "/webhooks"}})
	for range 2 {
		s.Expect(platform.IsUnauthorized(operations["list"](s, ""))).To(BeTrue())
	}
	_, limited := platform.IsRateLimited(operations["list"](s, ""))
	s.Expect(limited).To(BeTrue(), "there is a slot for the first request, but none for the second")
	api, tokens := s.wire.take()
	s.Expect(api).To(HaveLen(5))
	s.Expect(tokens).To(HaveLen(3))
}

// Of many callers whose token was refused at once one fetches another; no caller waits for its request.
func TestManyRefusalsOfOneTokenFetchOneOther(t *testing.T) {
	const callers = 6
	var arrived sync.WaitGroup
	arrived.Add(callers)
	var issued atomic.Int32
	s := newHandledScene(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/connect/token":
			fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":3600}`, issued.Add(1))
		case r.Header.Get("Authorization") == "Bearer token-1":
			arrived.Done()
			arrived.Wait()
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, `{"webhooks":[]}`)
		}
	}))
	s.Expect(s.client.Login(t.Context())).To(Succeed())
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			err := operations["list"](s, "")
			busy, told := errors.AsType[*platform.ThrottledError](err)
			s.Expect(err == nil || told && busy.InFlight).To(BeTrue(), "%v", err)
		})
	}
	group.Wait()
	s.Expect(operations["list"](s, "")).To(Succeed())
	s.Expect(issued.Load()).To(BeEquivalentTo(2))
}

// A token server that does not answer holds up the caller that asks it, and no other.
func TestATokenRequestThatHangsHoldsUpNoOtherCaller(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	s := newHandledScene(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/connect/token" {
			close(asked)
			<-answer
			_, _ = io.WriteString(w, `{"access_token":"token","expires_in":3600}`)
			return
		}
		_, _ = io.WriteString(w, `{"webhooks":[]}`)
	}))
	first := make(chan error)
	go func() { first <- operations["list"](s, "") }()
	<-asked
	busy, told := errors.AsType[*platform.ThrottledError](operations["list"](s, ""))
	s.Expect(told).To(BeTrue())
	s.Expect(busy.InFlight).To(BeTrue())
	close(answer)
	s.Expect(<-first).To(Succeed())
	s.Expect(operations["list"](s, "")).To(Succeed())
}

func TestTokenAnswers(t *testing.T) {
	const secretive = `"hint":"` + clientSecret + `"`
	for name, test := range map[string]struct {
		status       int
		header, body string
		unauthorized bool
		says, hides  string
	}{
		"a wrong pair": {status: 401, body: `{"error":"invalid_client",` + secretive + `}`, unauthorized: true,
			says: "401 Unauthorized: invalid_client"},
		"a wrong pair, by 400": {status: 400, body: `{"error":"invalid_client","error_description":"no such client",` + secretive + `}`,
			unauthorized: true, says: "invalid_client: no such client"},
		"a wrong scope": {status: 400, body: `{"error":"invalid_scope"}`, unauthorized: true, says: "invalid_scope"},
		"401 that quotes the secret": {status: 401, body: `{"error":"invalid_client","error_description":"is not ` + clientSecret + `"}`,
			unauthorized: true, says: "invalid_client: is not ***"},
		"401 without a word": {status: 401, says: "401 Unauthorized: answered without a body; check whether tokenUrl is right"},
		"401 by a proxy": {status: 401, body: "<html>" + clientSecret,
			says: "401 Unauthorized: answered with HTML, not a token; check whether tokenUrl is right", hides: "<html"},
		"401 by another API": {status: 401, body: `{"error":{"code":"HeaderNotFound","message":"m"}}`,
			says: "401 Unauthorized: answered with an error that is not of a token server; check whether tokenUrl is right"},
		"400 by a proxy":         {status: 400, body: "<html>" + clientSecret, says: "400 Bad Request: answered with HTML, not a token", hides: "<html"},
		"403":                    {status: 403, body: `{"error":"access_denied"}`, unauthorized: true, says: "403 Forbidden: access_denied"},
		"404 as many servers do": {status: 404, body: `{"status":404,"error":"Not Found","path":"/token"}`, says: "404 Not Found: Not Found"},
		"405":                    {status: 405, body: `{"error":"method"}`, says: "405"},
		"422":                    {status: 422, body: `{"error":"spec"}`, says: "422"},
		"500":                    {status: 500, body: `{"error":"server_error",` + secretive + `}`, says: "500 Internal Server Error: server_error"},
		"502":                    {status: 502, body: "<html>" + clientSecret, says: "502 Bad Gateway: answered with HTML, not a token", hides: "html"},
		"a redirect":             {status: 302, header: "/elsewhere", says: "302 Found: redirects to "},
		"200 and an error":       {status: 200, body: `{"error":"invalid_client"}`, unauthorized: true, says: "invalid_client"},
		"200 and no token":       {status: 200, body: `{` + secretive + `}`, says: "200 OK: answered without an access_token"},
		"200 and garbage":        {status: 200, body: `{"access_token":"` + accessToken, says: "200 OK: answered with something that is not JSON"},
		"200 and HTML":           {status: 200, body: "<html>" + clientSecret, says: "200 OK: answered with HTML, not a token; check whether tokenUrl is right"},
		"200 and nothing":        {status: 200, says: "200 OK: answered without a body"},
		"a form with an error":   {status: 400, header: "text/plain", body: "error=invalid_client&hint=" + clientSecret, unauthorized: true, says: "invalid_client"},
		"control characters": {status: 401, body: `{"error":"a\u0000b\u001b[31m","error_description":"c\nd\u2028e\u202ef"}`, unauthorized: true,
			says: "a b [31m: c d e f"},
		"megabytes":      {status: 401, body: `{"error":"` + strings.Repeat("x", 60_000) + `"}`, unauthorized: true, says: "xxx…"},
		"more megabytes": {status: 401, body: `{"error":"` + strings.Repeat("x", 1<<19) + `"}`, says: "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHandledScene(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if strings.Contains(test.header, "text") {
					w.Header().Set("Content-Type", test.header)
				} else if test.header != "" {
					w.Header().Set("Location", test.header)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			err := operations["create"](s, "")
			s.Expect(err).To(MatchError(ContainSubstring("get access token: POST " + s.server.URL + "/connect/token: ")))
			s.Expect(err).To(MatchError(ContainSubstring(test.says)))
			if test.hides != "" {
				s.Expect(err).NotTo(MatchError(ContainSubstring(test.hides)))
			}
			s.expectNoSecret(err)
			s.expectOneLine(err.Error())
			s.Expect(platform.IsUnauthorized(err)).To(Equal(test.unauthorized))
			s.Expect(platform.MayHaveHappened(err)).To(BeFalse(), "the create was not sent")
			s.Expect(platform.IsRefused(err)).To(BeFalse(), "the spec is not to blame")
			s.Expect(platform.IsNotFound(err)).To(BeFalse(), "it says nothing about a webhook")
			s.Expect(platform.IsForbidden(err)).To(BeFalse(), "it says nothing about a permission")
			api, tokens := s.wire.take()
			s.Expect(api).To(BeEmpty())
			s.Expect(tokens).To(HaveLen(1))
		})
	}
}

func TestTheTokenServerDoesNotAnswerNoCallIsSent(t *testing.T) {
	s := newScene(t, simulator.Options{})
	s.fault(simulator.Fault{Action: "drop-request", Match: simulator.Match{Path: "/connect/token"}})
	err := operations["create"](s, "")
	s.Expect(err).To(MatchError(ContainSubstring("get access token")))
	s.Expect(err).NotTo(MatchError(ContainSubstring("Post")), "which the error says already")
	s.Expect(platform.MayHaveHappened(err)).To(BeFalse())
	s.Expect(s.observed).To(Equal([]platform.Call{{Operation: "token"}}))
	s.Expect(operations["create"](s, "")).To(Succeed(), "it is asked again next time")
}

// All calls need a token: when there are too many requests for one, none of them may ask again.
func TestARateLimitOfTheTokenServerHoldsAllCalls(t *testing.T) {
	for name, test := range map[string]struct {
		action string
		wait   time.Duration
	}{
		"with Retry-After":    {"status:429;retry-after=7", 7 * time.Second},
		"without Retry-After": {"status:429", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simulator.Options{})
			s.fault(simulator.Fault{Action: test.action, Match: simulator.Match{Path: "/connect/token"}})
			err := operations["list"](s, "")
			wait, limited := platform.IsRateLimited(err)
			s.Expect(limited).To(BeTrue(), "%v", err)
			s.Expect(wait).To(Equal(test.wait))
			s.wire.take()

			_, err = s.create()
			wait, limited = platform.IsRateLimited(err)
			s.Expect(limited).To(BeTrue(), "%v", err)
			s.Expect(wait).To(Equal(test.wait))
			s.Expect(s.tokensFetched()).To(BeZero())
			s.pass(test.wait)
			s.Expect(operations["create"](s, "")).To(Succeed())
		})
	}
}

// While a revoked token cannot be replaced, callers must not send the old one for ever.
func TestARefusedTokenCannotBeReplacedTheCallFails(t *testing.T) {
	s := newScene(t, simulator.Options{})
	id := s.created().ID
	s.fault(simulator.Fault{Action: "status:401", Match: simulator.Match{Path: "/webhooks/{id}"}})
	s.fault(simulator.Fault{Action: "html:502", Match: simulator.Match{Path: "/connect/token"}})
	err := operations["get"](s, id)
	s.Expect(err).To(MatchError(ContainSubstring("get access token")))
	api, tokens := s.wire.take()
	s.Expect(api).To(HaveLen(1))
	s.Expect(tokens).To(HaveLen(1))
}
