package platform_test

import (
	"context"
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
	"webhook-operator.io/itwin/simulator"
)

const listed = `{"id":"a","active":true,"callbackUrl":"https://x"}`

func TestListBody(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		ids  []string
		says string // why it is none
	}{
		"empty":                    {body: `{"webhooks":[]}`, ids: []string{}},
		"one":                      {body: `{"webhooks":[` + listed + `]}`, ids: []string{"a"}},
		"more than is known":       {body: `{"webhooks":[{"id":"a","active":true,"callbackUrl":"https://x","new":{}}],"_links":{"self":{"href":"x"},"prev":{"href":"http://other"}},"count":1}`, ids: []string{"a"}},
		"other fields before it":   {body: `{"count":1,"x":{"y":[1,{"z":null}]},"webhooks":[` + listed + `]}`, ids: []string{"a"}},
		"links before it":          {body: `{"_links":{"next":null},"webhooks":[` + listed + `]}`, ids: []string{"a"}},
		"white space":              {body: " {\n \"webhooks\" : [ " + listed + " ]\t}\r\n ", ids: []string{"a"}},
		"a byte order mark":        {body: "\xef\xbb\xbf" + `{"webhooks":[` + listed + `]}`, ids: []string{"a"}},
		"no next page":             {body: `{"webhooks":[],"_links":{"next":null}}`, ids: []string{}},
		"an empty next page":       {body: `{"webhooks":[],"_links":{"next":{"href":""}}}`, ids: []string{}},
		"no links":                 {body: `{"webhooks":[],"_links":null}`, ids: []string{}},
		"a list that is null":      {body: `{"webhooks":null}`, ids: []string{}},
		"no list":                  {body: `{}`, says: "no webhooks in it"},
		"a list of another name":   {body: `{"value":[]}`, says: "no webhooks in it"},
		"null":                     {body: `null`, says: "not what the API documents"},
		"a bare list":              {body: `[` + listed + `]`, says: "not what the API documents"},
		"an object for a list":     {body: `{"webhooks":{}}`, says: "webhooks is not a list"},
		"a string for a list":      {body: `{"webhooks":"a"}`, says: "webhooks is not a list"},
		"truncated":                {body: `{"webhooks":[` + listed + `,{"id":"b"`, says: "not what the API documents"},
		"truncated after the list": {body: `{"webhooks":[` + listed + `]`, says: "not what the API documents"},
		"truncated between":        {body: `{"webhooks":[` + listed + `,`, says: "not what the API documents"},
		"more after the list":      {body: `{"webhooks":[]}{"webhooks":[]}`, says: "not what the API documents"},
		"nothing":                  {body: ``, says: "answered without a body"},
		"white space alone":        {body: " \n", says: "answered without a body"},
		"HTML":                     {body: "\n<html>", says: "answered with HTML, not JSON"},
		"HTML behind a mark":       {body: "\xef\xbb\xbf<!DOCTYPE html>", says: "answered with HTML, not JSON"},
		"an error":                 {body: `{"error":{"code":"X","message":"m"}}`, says: "answered with an error, not a list: X: m"},
		"an error without a code":  {body: `{"error":"x"}`, says: "no webhooks in it"},
		"links of another type":    {body: `{"webhooks":[],"_links":[]}`, says: "not what the API documents"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, answering(200, test.body))
			all, err := s.client.List(t.Context(), nil)
			if test.says != "" {
				s.Expect(all).To(BeZero())
				s.Expect(err).To(MatchError(ContainSubstring("list webhooks: GET /webhooks: 200 OK")))
				s.Expect(err).To(MatchError(ContainSubstring(test.says)))
				return
			}
			s.Expect(err).NotTo(HaveOccurred())
			ids := []string{}
			for _, w := range all.Webhooks {
				ids = append(ids, w.ID)
			}
			s.Expect(ids).To(Equal(test.ids))
			s.Expect(all.Incomplete).To(BeFalse())
			s.Expect(all.Issues).To(BeEmpty())
		})
	}
}

func TestEntryThatCannotBeReadIsNamedAndTheRestIsListed(t *testing.T) {
	const url = `,"callbackUrl":"https://x"`
	for name, test := range map[string]struct {
		entry, issue string
		unreadable   []platform.Webhook
	}{
		"null":               {`null`, `webhooks[1] (no readable id): webhook without id`, nil},
		"a string":           {`"b"`, `webhooks[1] (no readable id): it is a string, not an object`, nil},
		"a list":             {`[]`, `webhooks[1] (no readable id): it is a array, not an object`, nil},
		"no id":              {`{"active":true` + url + `}`, `webhooks[1] (no readable id): webhook without id`, nil},
		"an id that is null": {`{"id":null,"active":true` + url + `}`, `webhooks[1] (no readable id): webhook without id`, nil},
		"a number as id":     {`{"id":7,"active":true` + url + `}`, `webhooks[1] (no readable id): id is a number`, nil},
		"an id that is a path": {`{"id":"../b","active":true` + url + `}`,
			`webhooks[1] (no readable id): webhook with the id "../b"`, nil},
		"no active": {`{"id":"b"` + url + `}`, `webhooks[1] (id "b"): active is missing or null`,
			[]platform.Webhook{{ID: "b", CallbackURL: "https://x"}}},
		"active of version 1": {`{"id":"b","isActive":true` + url + `}`, `webhooks[1] (id "b"): active is missing or null`,
			[]platform.Webhook{{ID: "b", CallbackURL: "https://x"}}},
		"active that is null": {`{"id":"b","active":null` + url + `}`, `webhooks[1] (id "b"): active is missing or null`,
			[]platform.Webhook{{ID: "b", CallbackURL: "https://x"}}},
		"active that is a string": {`{"id":"b","active":"true"` + url + `}`, `webhooks[1] (id "b"): active is a string`,
			[]platform.Webhook{{ID: "b", CallbackURL: "https://x"}}},
		"no callbackUrl": {`{"id":"b","active":true,"scope":"iTwin"}`,
			`webhooks[1] (id "b"): callbackUrl is missing, null or empty`,
			[]platform.Webhook{{ID: "b", Active: true, Scope: "iTwin"}}},
		"eventTypes that are a string": {`{"id":"b","active":true,"eventTypes":"a"` + url + `}`,
			`webhooks[1] (id "b"): eventTypes is a string`,
			[]platform.Webhook{{ID: "b", Active: true, CallbackURL: "https://x"}}},
		"a scope that is a number": {`{"id":"b","active":true,"scope":1,"callbackUrl":"https://x?itwin-webhook=U"}`,
			`webhooks[1] (id "b"): scope is a number`,
			[]platform.Webhook{{ID: "b", Active: true, CallbackURL: "https://x?itwin-webhook=U", Mark: "u"}}},
	} {
		t.Run(name, func(t *testing.T) {
			last := strings.Replace(listed, `"a"`, `"c"`, 1)
			s := newAnswerScene(t, answering(200, `{"webhooks":[`+listed+`,`+test.entry+`,`+last+`]}`))
			all, err := s.client.List(t.Context(), nil)
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(all.Webhooks).To(Equal([]platform.Webhook{
				{ID: "a", Active: true, CallbackURL: "https://x"}, {ID: "c", Active: true, CallbackURL: "https://x"},
			}))
			s.Expect(all.Issues).To(Equal([]string{test.issue}))
			s.Expect(all.Unreadable).To(Equal(test.unreadable))
			s.Expect(all.Incomplete).To(Equal(test.unreadable == nil), "without an id, it may be any webhook")
		})
	}
}

func TestIssuesAreBounded(t *testing.T) {
	entry := `{"id":"b","active":"` + strings.Repeat("\u2028x", 200) + `"},`
	s := newAnswerScene(t, answering(200, `{"webhooks":[`+strings.Repeat(entry, 500)+listed+`]}`))
	all, err := s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Issues).To(HaveLen(11))
	s.Expect(all.Issues[10]).To(Equal("and 490 more"))
	for _, issue := range all.Issues {
		s.expectOneLine(issue)
	}
}

func TestPagesAreFollowed(t *testing.T) {
	s := newScene(t, simulator.Options{PageSize: 2})
	for range 5 {
		s.created()
	}
	all, err := s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(HaveLen(5))
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
			all, err := s.client.List(t.Context(), nil)
			s.Expect(err).To(HaveOccurred())
			s.Expect(all).To(BeZero())
		})
	}
}

func TestAListHasMorePagesThanTheLimitAllowsThePagesWait(t *testing.T) {
	var waited time.Duration
	var s *scene
	s = newScene(t, simulator.Options{PageSize: 1}, func(o *platform.Options) {
		o.Limits.PerMinute, o.ListTimeout = 4, time.Hour
		o.Wait = func(_ context.Context, d time.Duration) error {
			waited += d
			s.pass(d)
			return nil
		}
	})
	for range 6 {
		s.created()
		s.pass(2 * time.Minute)
	}
	all, err := s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(HaveLen(6))
	minute := BeNumerically("~", time.Minute, time.Second)
	s.Expect(waited).To(minute)
	api, _ := s.wire.take()
	s.Expect(api).To(HaveLen(6), "no page is asked for twice")

	for range 2 {
		s.client.List(t.Context(), nil) //nolint:errcheck // it uses the limit up
	}
	s.Expect(waited).To(BeNumerically(">", time.Minute))
	waited = 0
	_, err = s.client.List(t.Context(), nil)
	_, limited := platform.IsRateLimited(err)
	s.Expect(limited).To(BeTrue(), "the first page is not waited for")
	s.Expect(waited).To(BeZero())
}

func TestWaitForAPageThatWouldTakeTooLongIsNotBegun(t *testing.T) {
	s := newScene(t, simulator.Options{PageSize: 1}, func(o *platform.Options) {
		o.Limits.PerMinute, o.ListTimeout = 4, 10*time.Second
		o.Wait = func(context.Context, time.Duration) error { panic("it waits") }
	})
	for range 5 {
		s.created()
		s.pass(2 * time.Minute)
	}
	all, err := s.client.List(t.Context(), nil)
	wait, limited := platform.IsRateLimited(err)
	s.Expect(limited).To(BeTrue())
	s.Expect(wait).To(BeNumerically("~", time.Minute, time.Second))
	s.Expect(all).To(BeZero())
}

// linkTo puts the host of a server into a link.
func linkTo(host, link string) string {
	_, port, _ := strings.Cut(host, ":")
	return strings.NewReplacer("LOCALHOST:PORT", host, "PORT", port, "HOST", host).Replace(link)
}

func TestNextPageLink(t *testing.T) {
	otherHost := &wire{handler: answering(200, `{"webhooks":[]}`)}
	other := httptest.NewServer(otherHost)
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
			all, err := s.client.List(t.Context(), nil)
			api, _ := s.wire.take()
			if test.says != "" {
				s.Expect(err).To(MatchError(ContainSubstring(test.says)))
				s.Expect(all).To(BeZero())
				s.Expect(api).To(HaveLen(1))
				return
			}
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(all.Webhooks).To(HaveLen(2))
			s.Expect(api).To(HaveLen(2))
			s.Expect(api[1].path).To(Equal(test.path))
			s.Expect(api[1].header.Get("Authorization")).To(Equal("Bearer " + accessToken))
		})
	}
	api, tokens := otherHost.take()
	NewWithT(t).Expect(append(api, tokens...)).To(BeEmpty(), "the token stays with the host that was configured")
}

func TestPagesInACircleAreNotFollowedForEver(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "a", "a": "b", "b": "a"}[r.URL.Query().Get("page")]
		fmt.Fprintf(w, `{"webhooks":[],"_links":{"next":{"href":"/webhooks?page=%s"}}}`, next)
	})
	_, err := s.client.List(t.Context(), nil)
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
	_, err := s.client.List(t.Context(), nil)
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
	_, err := s.client.List(t.Context(), nil)
	e, ok := errors.AsType[*platform.Error](err)
	s.Expect(ok).To(BeTrue())
	s.Expect(e.Status).To(Equal(502))
	s.expectOneLine(err.Error())
	s.expectOneLine(e.Path)
	s.Expect(len(e.Path)).To(BeNumerically("<", 1100))
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
	for range 91 { // of 100, of which 10 are paced
		_, err := s.create()
		s.Expect(err).NotTo(HaveOccurred())
	}
	for range 1000 {
		_, err := s.create()
		_, limited := platform.IsRateLimited(err)
		s.Expect(limited).To(BeTrue())
	}
	for range 9 {
		s.Expect(operations["list"](s, "")).To(Succeed(), "the last slots are not for creates")
	}
	wait, limited := platform.IsRateLimited(operations["list"](s, ""))
	s.Expect(limited).To(BeTrue())
	s.Expect(wait).To(BeNumerically("~", time.Minute, time.Second), "the next place that becomes free")
}
