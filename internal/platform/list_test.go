package platform_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/simulator"
)

const listed = `{"id":"a","active":true,"callbackUrl":"https://x"}`

func TestWhatIsAList(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		ids  []string
		says string // why it is none
	}{
		"empty":                      {body: `{"webhooks":[]}`, ids: []string{}},
		"one":                        {body: `{"webhooks":[` + listed + `]}`, ids: []string{"a"}},
		"more than is known":         {body: `{"webhooks":[{"id":"a","active":true,"callbackUrl":"https://x","new":{}}],"_links":{"self":{"href":"x"},"prev":{"href":"http://other"}},"count":1}`, ids: []string{"a"}},
		"no next page":               {body: `{"webhooks":[],"_links":{"next":null}}`, ids: []string{}},
		"an empty next page":         {body: `{"webhooks":[],"_links":{"next":{"href":""}}}`, ids: []string{}},
		"no links":                   {body: `{"webhooks":[],"_links":null}`, ids: []string{}},
		"no list":                    {body: `{}`, says: "no webhooks in it"},
		"a list that is null":        {body: `{"webhooks":null}`, says: "no webhooks in it"},
		"a list of another name":     {body: `{"value":[]}`, says: "no webhooks in it"},
		"null":                       {body: `null`, says: "not what the API documents"},
		"a bare list":                {body: `[` + listed + `]`, says: "not what the API documents"},
		"an object for a list":       {body: `{"webhooks":{}}`, says: "not what the API documents"},
		"a webhook that is null":     {body: `{"webhooks":[null]}`, says: "without id"},
		"a webhook that is a string": {body: `{"webhooks":["a"]}`, says: "not what the API documents"},
		"a webhook without id":       {body: `{"webhooks":[` + listed + `,{"active":true,"callbackUrl":"https://x"}]}`, says: "without id"},
		"a webhook without active":   {body: `{"webhooks":[{"id":"a","callbackUrl":"https://x"}]}`, says: `webhook "a" without active`},
		"a webhook of version 1":     {body: `{"webhooks":[{"id":"a","isActive":true,"callbackUrl":"https://x"}]}`, says: `webhook "a" without active`},
		"an id that is none":         {body: `{"webhooks":[{"id":"../a","active":true,"callbackUrl":"https://x"}]}`, says: `webhook with the id "../a"`},
		"truncated":                  {body: `{"webhooks":[` + listed + `,{"id":"b"`, says: "not what the API documents"},
		"truncated after the list":   {body: `{"webhooks":[` + listed + `]`, says: "not what the API documents"},
		"more after the list":        {body: `{"webhooks":[]}{"webhooks":[]}`, says: "not what the API documents"},
		"nothing":                    {body: ``, says: "not what the API documents"},
		"HTML":                       {body: `<html>`, says: "not what the API documents"},
		"an error":                   {body: `{"error":{"code":"X"}}`, says: "no webhooks in it"},
		"links of another type":      {body: `{"webhooks":[],"_links":[]}`, says: "not what the API documents"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, answering(200, test.body))
			all, err := s.client.List(t.Context())
			if test.says != "" {
				s.Expect(all).To(BeNil())
				s.Expect(err).To(MatchError(ContainSubstring("list webhooks: GET /webhooks: 200 OK")))
				s.Expect(err).To(MatchError(ContainSubstring(test.says)))
				return
			}
			s.Expect(err).NotTo(HaveOccurred())
			ids := []string{}
			for _, w := range all {
				ids = append(ids, w.ID)
			}
			s.Expect(ids).To(Equal(test.ids))
		})
	}
}

func TestPagesAreFollowed(t *testing.T) {
	s := newScene(t, simulator.Options{PageSize: 2})
	for range 5 {
		s.created()
	}
	all, err := s.client.List(t.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all).To(HaveLen(5))
	api, _ := s.wire.take()
	s.Expect(api).To(HaveLen(3))
	for _, r := range api {
		s.Expect(r.header.Get("Accept")).To(Equal(mediaType))
	}
}

func TestAListThatFailsHalfWayIsNoList(t *testing.T) {
	for _, action := range []string{"garbage", "truncate", "html:502", "drop-request", "status:429;retry-after=7", "empty:200"} {
		t.Run(action, func(t *testing.T) {
			s := newScene(t, simulator.Options{PageSize: 2})
			for range 5 {
				s.created()
			}
			// The second page.
			s.fault(simulator.Fault{Action: "delay:0s", Match: simulator.Match{Path: "/webhooks"}})
			// A read whose connection breaks is sent once more by net/http.
			s.fault(simulator.Fault{Action: action, Times: 2, Match: simulator.Match{Path: "/webhooks"}})
			all, err := s.client.List(t.Context())
			s.Expect(err).To(HaveOccurred())
			s.Expect(all).To(BeNil())
		})
	}
}

func TestAListThatIsThrottledHalfWayIsNoList(t *testing.T) {
	s := newScene(t, simulator.Options{PageSize: 1},
		func(o *platform.Options) { o.Limits.PerMinute = 16 }) // four at once
	for range 2 {
		s.created()
	}
	s.clock.Step(time.Hour)
	for range 2 {
		s.Expect(operations["list"](s, "")).To(Succeed())
	}
	all, err := s.client.List(t.Context())
	_, limited := platform.IsRateLimited(err)
	s.Expect(limited).To(BeTrue())
	s.Expect(all).To(BeNil())
}

// linkTo puts the host of a server into a link.
func linkTo(host, link string) string {
	_, port, _ := strings.Cut(host, ":")
	return strings.NewReplacer("LOCALHOST:PORT", host, "PORT", port, "HOST", host).Replace(link)
}

func TestWhereTheNextPageMayBe(t *testing.T) {
	stranger := &wire{handler: answering(200, `{"webhooks":[]}`)}
	other := httptest.NewServer(stranger)
	t.Cleanup(other.Close)
	for name, test := range map[string]struct {
		next, path, says string
	}{
		"absolute":               {next: "http://HOST/webhooks?$skip=1", path: "/webhooks?$skip=1"},
		"a path":                 {next: "/webhooks?$skip=1", path: "/webhooks?$skip=1"},
		"a query":                {next: "?$skip=1", path: "/webhooks?$skip=1"},
		"another path":           {next: "/webhooks/more", path: "/webhooks/more"},
		"another host":           {next: other.URL + "/webhooks", says: "on another host"},
		"another port":           {next: "http://127.0.0.1:1/webhooks", says: "on another host"},
		"another scheme":         {next: "https://HOST/webhooks?$skip=1", says: "on another host"},
		"no scheme":              {next: strings.TrimPrefix(other.URL, "http:") + "/webhooks", says: "on another host"},
		"a host in the user":     {next: "http://HOST@" + strings.TrimPrefix(other.URL, "http://") + "/webhooks", says: "on another host"},
		"no URL":                 {next: "http://[::1", says: "no URL"},
		"the host in upper case": {next: "HTTP://LOCALHOST:PORT/webhooks?$skip=1", path: "/webhooks?$skip=1"},
		"no hierarchy":           {next: "javascript:alert(1)", says: "on another host"},
		"itself":                 {next: "/webhooks", says: "read before"},
		"itself, in other words": {next: "http://HOST/webhooks", says: "read before"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RequestURI() == "/webhooks" {
					fmt.Fprintf(w, `{"webhooks":[%s],"_links":{"next":{"href":%q}}}`, listed, linkTo(r.Host, test.next))
				} else {
					_, _ = io.WriteString(w, `{"webhooks":[{"id":"b","active":true,"callbackUrl":"https://x"}]}`)
				}
			})
			all, err := s.client.List(t.Context())
			api, _ := s.wire.take()
			if test.says != "" {
				s.Expect(err).To(MatchError(ContainSubstring(test.says)))
				s.Expect(all).To(BeNil())
				s.Expect(api).To(HaveLen(1))
				return
			}
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(all).To(HaveLen(2))
			s.Expect(api).To(HaveLen(2))
			s.Expect(api[1].path).To(Equal(test.path))
			s.Expect(api[1].header.Get("Authorization")).To(Equal("Bearer " + accessToken))
		})
	}
	api, tokens := stranger.take()
	NewWithT(t).Expect(append(api, tokens...)).To(BeEmpty(), "the token stays with the host that was configured")
}

func TestPagesInACircleAreNotFollowedForEver(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "a", "a": "b", "b": "a"}[r.URL.Query().Get("page")]
		fmt.Fprintf(w, `{"webhooks":[],"_links":{"next":{"href":"/webhooks?page=%s"}}}`, next)
	})
	_, err := s.client.List(t.Context())
	s.Expect(err).To(MatchError(ContainSubstring("read before")))
	api, _ := s.wire.take()
	s.Expect(api).To(HaveLen(3))
}

func TestPagesWithoutEndAreNotFollowedForEver(t *testing.T) {
	page := 0
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
		page++
		fmt.Fprintf(w, `{"webhooks":[],"_links":{"next":{"href":"/webhooks?page=%d"}}}`, page)
	})
	_, err := s.client.List(t.Context())
	s.Expect(err).To(MatchError(ContainSubstring("more than 1000 pages")))
	s.Expect(page).To(Equal(1000))
}

func TestALinkDoesNotSpoilTheErrorAboutIt(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/webhooks" {
			fmt.Fprintf(w, `{"webhooks":[],"_links":{"next":{"href":"/%s%%0a%%1b[31m"}}}`, strings.Repeat("x", 5000))
		} else {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	_, err := s.client.List(t.Context())
	e, ok := errors.AsType[*platform.Error](err)
	s.Expect(ok).To(BeTrue())
	s.Expect(e.Status).To(Equal(502))
	s.expectOneLine(err.Error())
	s.expectOneLine(e.Path)
	s.Expect(len(e.Path)).To(BeNumerically("<", 1100))
}

// roundTripper answers without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// endless is a body that never ends, of whatever is there already.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestAnAnswerWithoutEndIsNotReadForEver(t *testing.T) {
	body := &endless{}
	s := newAnswerScene(t, nil, func(o *platform.Options) {
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/connect/token" {
				return http.DefaultTransport.RoundTrip(r)
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}, nil
		})
	})
	_, err := s.client.List(t.Context())
	s.Expect(err).To(MatchError(ContainSubstring("larger than 64 MiB")))
	s.Expect(body.read).To(BeNumerically("<", 65<<20))
}

func TestARefusalWithoutEndIsNotReadForEver(t *testing.T) {
	for op, status := range map[string]int{"list": 500, "delete": 200} {
		t.Run(op, func(t *testing.T) {
			s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				padding := strings.Repeat("x", 1<<16)
				for {
					if _, err := io.WriteString(w, padding); err != nil {
						return
					}
				}
			})
			s.Expect(operations[op](s, webhookID)).To(MatchError(ContainSubstring(fmt.Sprint(status))))
		})
	}
}

// A list serves all webhooks: it waits behind none of them.
func TestAListDoesNotWaitBehindOtherCalls(t *testing.T) {
	s := newScene(t, simulator.Options{}, func(o *platform.Options) { o.Limits.PerMinute = 100 })
	for range 23 { // of the 25 that a bucket for 100 holds
		_, err := s.create()
		s.Expect(err).NotTo(HaveOccurred())
	}
	for range 1000 {
		_, err := s.create()
		_, limited := platform.IsRateLimited(err)
		s.Expect(limited).To(BeTrue())
	}
	for range 2 {
		s.Expect(operations["list"](s, "")).To(Succeed(), "the last places are not for creates")
	}
	wait, limited := platform.IsRateLimited(operations["list"](s, ""))
	s.Expect(limited).To(BeTrue())
	s.Expect(wait).To(Equal(800*time.Millisecond), "the next place that becomes free")
}
