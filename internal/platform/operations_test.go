package platform_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

func TestCreateReadUpdateAndDeleteOfAWebhook(t *testing.T) {
	s := newScene(t, simulator.Options{})
	ctx := t.Context()
	all, err := s.client.List(ctx, nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(BeEmpty())

	w, err := s.create()
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(w).To(Equal(platform.Webhook{
		ID: w.ID, Scope: "iTwin", ScopeID: iTwinID, CallbackURL: "https://hooks.example.com/itwin",
		EventTypes: []string{"iModels.iModelDeleted.v1"}, Created: start, Modified: start,
	}))
	s.Expect(platform.ValidID(w.ID)).To(BeTrue())
	s.Expect(s.sim.Webhooks()[0].Secret).To(Equal(signingSecret))

	s.pass(time.Minute)
	updated, err := s.client.Update(ctx, platform.Priority{}, w.ID, platform.Patch{
		Active: on(), CallbackURL: "https://other.example.com", EventTypes: []string{"iModels.changesReady.v1"},
	})
	s.Expect(err).NotTo(HaveOccurred())
	w.Active, w.CallbackURL, w.EventTypes = true, "https://other.example.com", []string{"iModels.changesReady.v1"}
	w.Modified = updated.Modified
	s.Expect(updated).To(Equal(w))
	s.Expect(updated.Modified).To(BeTemporally(">", start))
	s.Expect(s.sim.Webhooks()[0].Secret).To(Equal(signingSecret), "what the patch does not name stays")

	got, err := s.client.Get(ctx, platform.Priority{}, w.ID)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(got).To(Equal(w))
	all, err = s.client.List(ctx, nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all).To(Equal(platform.Listing{Webhooks: []platform.Webhook{w}}))

	s.Expect(s.client.Delete(ctx, platform.Priority{}, w.ID)).To(Succeed())
	for _, op := range []string{"get", "update", "delete"} {
		err := operations[op](s, w.ID)
		s.Expect(platform.IsNotFound(err)).To(BeTrue(), "%s: %v", op, err)
		s.Expect(platform.MayHaveHappened(err)).To(BeFalse())
	}
	s.Expect(s.sim.Webhooks()).To(BeEmpty())
}

func TestAnAccountWebhookGetsItsScopeIDFromThePlatform(t *testing.T) {
	s := newScene(t, simulator.Options{})
	r := request()
	r.Scope, r.ScopeID, r.Secret = platform.ScopeAccount, "", ""
	w, err := s.client.Create(t.Context(), platform.Priority{}, r)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(w.Scope).To(Equal("Account"))
	s.Expect(w.ScopeID).NotTo(BeEmpty())
	api, _ := s.wire.take()
	s.Expect(api[0].body).To(MatchJSON(`{"callbackUrl":"https://hooks.example.com/itwin","scope":"Account",
		"eventTypes":["iModels.iModelDeleted.v1"]}`))
}

func TestEveryRequestCarriesItsHeaders(t *testing.T) {
	s := newScene(t, simulator.Options{})
	id := s.created().ID
	bearer := ""
	for op, want := range map[string]struct{ method, path, body string }{
		"create": {"POST", "/webhooks", `{"callbackUrl":"https://hooks.example.com/itwin","scope":"iTwin",
			"scopeId":"` + iTwinID + `","eventTypes":["iModels.iModelDeleted.v1"],"secret":"` + signingSecret + `"}`},
		"get":    {"GET", "/webhooks/" + id, ""},
		"list":   {"GET", "/webhooks", ""},
		"update": {"PATCH", "/webhooks/" + id, `{"active":true,"secret":"` + signingSecret + `"}`},
	} {
		s.Expect(operations[op](s, id)).To(Succeed())
		api, tokens := s.wire.take()
		s.Expect(tokens).To(BeEmpty(), "the token of the first call is good for all")
		s.Expect(api).To(HaveLen(1))
		r := api[0]
		s.Expect(r.method + " " + r.path).To(Equal(want.method + " " + want.path))
		s.Expect(r.header.Values("Accept")).To(Equal([]string{mediaType}))
		s.Expect(r.header.Values("User-Agent")).To(Equal([]string{userAgent}))
		s.Expect(r.header.Get("Authorization")).To(MatchRegexp(`^Bearer [0-9a-f]+$`))
		if bearer == "" {
			bearer = r.header.Get("Authorization")
		}
		s.Expect(r.header.Get("Authorization")).To(Equal(bearer))
		if want.body == "" {
			s.Expect(r.body).To(BeEmpty())
			s.Expect(r.header).NotTo(HaveKey("Content-Type"))
		} else {
			s.Expect(r.body).To(MatchJSON(want.body))
			s.Expect(r.header.Values("Content-Type")).To(Equal([]string{"application/json"}))
		}
	}
	s.Expect(s.client.Delete(t.Context(), platform.Priority{}, id)).To(Succeed())
	api, _ := s.wire.take()
	s.Expect(api[0].method + " " + api[0].path).To(Equal("DELETE /webhooks/" + id))
	s.Expect(api[0].body).To(BeEmpty())
}

func TestAPatchSendsOnlyWhatItHolds(t *testing.T) {
	s := newScene(t, simulator.Options{})
	id := s.created().ID
	off := false
	for body, patch := range map[string]platform.Patch{
		`{"active":true}`:                                  {Active: on()},
		`{"active":false}`:                                 {Active: &off},
		`{"secret":"` + signingSecret + `"}`:               {Secret: signingSecret},
		`{"callbackUrl":"https://other.example.com"}`:      {CallbackURL: "https://other.example.com"},
		`{"eventTypes":["iModels.changesReady.v1"]}`:       {EventTypes: []string{"iModels.changesReady.v1"}},
		`{"active":true,"secret":"` + signingSecret + `"}`: {Active: on(), Secret: signingSecret},
	} {
		s.Expect(patch.Empty()).To(BeFalse())
		_, err := s.client.Update(t.Context(), platform.Priority{}, id, patch)
		s.Expect(err).NotTo(HaveOccurred())
		api, _ := s.wire.take()
		s.Expect(api[0].body).To(MatchJSON(body))
	}
	s.Expect(platform.Patch{}.Empty()).To(BeTrue())
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int32
	s := newScene(t, simulator.Options{})
	s.server.Close()
	server := httptest.NewUnstartedServer(s.wire)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	o := s.options()
	o.APIURL, o.TokenURL = server.URL, server.URL+"/connect/token"
	client, err := platform.New(o)
	s.Expect(err).NotTo(HaveOccurred())
	s.client = client
	t.Cleanup(client.CloseIdleConnections)

	for range 3 { // what fails must be read to its end as well
		id := s.created().ID
		for _, op := range []string{"get", "list", "update", "delete", "get", "update", "delete"} {
			_ = operations[op](s, id)
		}
		s.fault(simulator.Fault{Action: "html:502"})
		s.Expect(operations["list"](s, "")).NotTo(Succeed())
		s.fault(simulator.Fault{Action: "garbage"})
		s.Expect(operations["list"](s, "")).NotTo(Succeed())
	}
	s.Expect(opened.Load()).To(BeEquivalentTo(1))
}

func TestTheBaseMayHaveAPath(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"webhooks":[]}`)) },
		func(o *platform.Options) { o.APIURL += "/gateway/itwin/" })
	_, err := s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	api, _ := s.wire.take()
	s.Expect(api[0].path).To(Equal("/gateway/itwin/webhooks"))
}

func TestInvalidOptionsAreRefused(t *testing.T) {
	g := NewWithT(t)
	for _, o := range []platform.Options{
		{APIURL: ""}, {APIURL: "api.bentley.com"}, {APIURL: "https://"}, {APIURL: "https://a b"}, {APIURL: "://"},
		{APIURL: "https://api.bentley.com", CABundle: []byte("no certificate")},
	} {
		_, err := platform.New(o)
		g.Expect(err).To(HaveOccurred(), "%q", o.APIURL)
	}
}

// Ids come from annotations, which users write.
func TestAnInvalidIDIsNeverSent(t *testing.T) {
	s := newScene(t, simulator.Options{})
	for _, id := range []string{
		"", ".", "..", "../x", "../../connect/token", "a/b", "/", "a%2fb", "a?b", "a#b", "a b", "a\nb", "a\x00b", "ä",
		"{id}", "a.b", "a;b", "http://other.example.com", strings.Repeat("a", 129),
	} {
		s.Expect(platform.ValidID(id)).To(BeFalse(), "%q", id)
		for _, op := range []string{"get", "update", "delete"} {
			err := operations[op](s, id)
			s.Expect(err).To(MatchError(ContainSubstring("is not the id of a webhook")), "%s %q", op, id)
			s.expectOneLine(err.Error())
			s.Expect(platform.IsNotFound(err) || platform.MayHaveHappened(err) || platform.IsRefused(err)).To(BeFalse())
		}
	}
	api, tokens := s.wire.take()
	s.Expect(api).To(BeEmpty())
	s.Expect(tokens).To(BeEmpty())
	s.Expect(platform.ValidID(webhookID)).To(BeTrue())
}

func TestAnAnswerAboutAnotherWebhookIsNotBelieved(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"another","active":true,"callbackUrl":"https://x"}`))
	})
	for _, op := range []string{"get", "update"} {
		err := operations[op](s, webhookID)
		s.Expect(err).To(MatchError(ContainSubstring(`about webhook "another"`)))
		s.Expect(platform.MayHaveHappened(err)).To(BeTrue())
	}
	w, err := s.client.Get(t.Context(), platform.Priority{}, webhookID)
	s.Expect(err).To(HaveOccurred())
	s.Expect(w).To(BeZero())
}

func TestAnAnswerMayHoldMoreThanIsKnown(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"` + webhookID + `","active":true,"callbackUrl":"https://x","scope":"Galaxy",
			"created":"yesterday","modified":null,"eventTypes":null,"colour":"blue","nested":{"a":[1,2]},"secret":"s"}`))
	})
	w, err := s.client.Get(t.Context(), platform.Priority{}, webhookID)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(w).To(Equal(platform.Webhook{ID: webhookID, Active: true, CallbackURL: "https://x", Scope: "Galaxy"}))
}

func TestEveryRequestIsObserved(t *testing.T) {
	s := newScene(t, simulator.Options{Latency: 0})
	id := s.created().ID
	for _, op := range []string{"get", "list", "update", "delete", "get"} {
		_ = operations[op](s, id)
	}
	s.fault(simulator.Fault{Action: "drop-request", Match: simulator.Match{Path: "/webhooks", Method: "POST"}})
	_, err := s.create()
	s.Expect(err).To(HaveOccurred())
	s.fault(simulator.Fault{Action: "status:401", Match: simulator.Match{Path: "/webhooks"}})
	s.fault(simulator.Fault{Action: "status:401", Match: simulator.Match{Path: "/connect/token"}})
	s.Expect(operations["list"](s, "")).NotTo(Succeed())
	s.Expect(s.observed).To(Equal([]platform.Call{
		{Operation: "token", Status: 200}, {Operation: "create", Status: 201}, {Operation: "get", Status: 200},
		{Operation: "list", Status: 200}, {Operation: "update", Status: 200}, {Operation: "delete", Status: 204},
		{Operation: "get", Status: 404}, {Operation: "create", Status: 0}, {Operation: "list", Status: 401},
		{Operation: "token", Status: 401},
	}))
}

func TestConcurrentCallsAreIndependent(t *testing.T) {
	s := newScene(t, simulator.Options{})
	s.Expect(s.client.Login(t.Context())).To(Succeed())
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			w, err := s.create()
			s.Expect(err).NotTo(HaveOccurred())
			for _, op := range []string{"update", "get", "list", "delete"} {
				s.Expect(operations[op](s, w.ID)).To(Succeed())
			}
		})
	}
	group.Wait()
	s.Expect(s.sim.Webhooks()).To(BeEmpty())
	_, tokens := s.wire.take()
	s.Expect(tokens).To(HaveLen(1))
}

// What the callers that wait are told of a failed call says nothing of the webhook that it was about.
func TestACallFailsWaitingCallersGetNoErrorAboutItsWebhook(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"an answer about another": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"of-a-tenant","active":true,"callbackUrl":"https://x"}`))
		},
		"a success with an error in it": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"error":{"code":"Failed","message":"webhook of-a-tenant has a problem"}}`))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example.com"+r.URL.Path, http.StatusTemporaryRedirect)
		},
		"a page that quotes the path": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>Cannot reach " + r.URL.Path + "</html>"))
		},
		"an error of the platform": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"error":{"code":"Failed","message":"cannot handle ` + r.URL.Path + `"}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAnswerScene(t, answer)
			for _, op := range []string{"get", "update"} {
				err := operations[op](s, webhookID)
				s.Expect(err).To(HaveOccurred())
				told := platform.OfAnother(err).Error()
				s.Expect(told).NotTo(Or(ContainSubstring(webhookID), ContainSubstring("of-a-tenant")))
				s.Expect(platform.MayHaveHappened(err)).To(BeTrue(), "it is one that keeps others waiting")
			}
		})
	}
}
