package simulator_test

import (
	"context"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

func TestFaults(t *testing.T) {
	body := createBody("https://hooks.example.com/itwin")
	tests := map[string]struct {
		action     string
		wantStatus int // 0: no answer
		wantCode   string
		wantHeader map[string]string
		wantBody   string
		wantEffect bool
	}{
		"a status with the platform's body": {
			action: "status:403", wantStatus: http.StatusForbidden, wantCode: "InsufficientPermissions",
		},
		"a rate limit": {
			action: "status:429;retry-after=7", wantStatus: http.StatusTooManyRequests, wantCode: "RateLimitExceeded",
			wantHeader: map[string]string{"Retry-After": "7"},
		},
		"a refusal": {
			action: "status:422", wantStatus: http.StatusUnprocessableEntity, wantCode: "InvalidCreateWebhookRequest",
		},
		"a status of a proxy": {
			action: "status:503", wantStatus: http.StatusServiceUnavailable, wantBody: "<html>",
		},
		"a page of a proxy": {
			action: "html:200", wantStatus: http.StatusOK, wantBody: "<html>",
		},
		"a status and nothing else": {
			action: "empty:500", wantStatus: http.StatusInternalServerError,
		},
		"a status without a body": {
			action: "status:204", wantStatus: http.StatusNoContent,
		},
		"a request that is lost":                {action: "drop-request"},
		"an answer that is lost":                {action: "drop-response", wantEffect: true},
		"an answer that breaks off":             {action: "truncate", wantEffect: true},
		"an answer that is no JSON":             {action: "garbage", wantStatus: http.StatusOK, wantBody: `{"webhooks":[{"id":"e69`, wantEffect: true},
		"an answer that comes later":            {action: "delay:1ms", wantStatus: http.StatusCreated, wantBody: `"active":false`, wantEffect: true},
		"an answer that is old":                 {action: "delay-response:1ms", wantStatus: http.StatusCreated, wantBody: `"active":false`, wantEffect: true},
		"a list without its content":            {action: "empty-list", wantStatus: http.StatusOK, wantBody: `{"webhooks":[]}`},
		"a list that is null":                   {action: "null-list", wantStatus: http.StatusOK, wantBody: `{"webhooks":null`},
		"a success without a body":              {action: "accepted:204", wantStatus: http.StatusNoContent, wantEffect: true},
		"a byte order mark":                     {action: "bom", wantStatus: http.StatusCreated, wantBody: "\ufeff{", wantEffect: true},
		"a property that is null":               {action: "odd-entries:active", wantStatus: http.StatusCreated, wantBody: `"active":null`, wantEffect: true},
		"a redirect, which this client follows": {action: "redirect:307", wantStatus: http.StatusNotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})
			g.Expect(platform.AddFault(simulator.Fault{Action: tc.action})).To(Succeed())

			a, err := c.send(c.request(http.MethodPost, "/webhooks", body))

			if tc.wantStatus == 0 {
				g.Expect(err).To(HaveOccurred())
			} else {
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(a.status).To(Equal(tc.wantStatus))
			}
			g.Expect(a.body).To(ContainSubstring(tc.wantBody))
			if tc.wantCode != "" {
				g.Expect(a.errorCode(t)).To(Equal(tc.wantCode))
			}
			for name, value := range tc.wantHeader {
				g.Expect(a.header.Get(name)).To(Equal(value))
			}
			g.Expect(platform.Webhooks()).To(HaveLen(map[bool]int{true: 1}[tc.wantEffect]))
			g.Expect(platform.Requests().Counts).To(HaveKeyWithValue("POST /webhooks", 1), "calls with faults count")
			g.Expect(platform.Faults()).To(BeEmpty(), "the fault is used up")
		})
	}
}

// A client that gives up cannot know that its request was not carried out.
func TestDelayedCallIsCarriedOutWithoutItsClient(t *testing.T) {
	g := NewWithT(t)
	platform, c := newSimulator(t, simulator.Options{})
	g.Expect(platform.AddFault(simulator.Fault{Action: "delay:50ms"})).To(Succeed())

	ctx, hangUp := context.WithCancel(t.Context())
	request := c.request(http.MethodPost, "/webhooks", createBody("https://hooks.example.com/itwin")).WithContext(ctx)
	failed := make(chan error)
	go func() {
		_, err := c.send(request)
		failed <- err
	}()
	g.Eventually(func() int { return platform.Requests().Total }).Should(Equal(1))
	hangUp()
	g.Expect(<-failed).To(MatchError(context.Canceled))

	g.Eventually(platform.Webhooks).Should(HaveLen(1))
}

func TestFaultMatch(t *testing.T) {
	tests := map[string]struct {
		match simulator.Match
		want  bool // that it hits a GET of one webhook by the account "tester"
	}{
		"everything":       {match: simulator.Match{}, want: true},
		"the method":       {match: simulator.Match{Method: "GET"}, want: true},
		"another method":   {match: simulator.Match{Method: "POST"}},
		"the route":        {match: simulator.Match{Path: "/webhooks/{id}"}, want: true},
		"another route":    {match: simulator.Match{Path: "/webhooks"}},
		"a pattern":        {match: simulator.Match{Path: "/webhooks/*"}, want: true},
		"another pattern":  {match: simulator.Match{Path: "/connect/*"}},
		"the path":         {match: simulator.Match{Path: "/webhooks/e6989b43-53ab-45e2-a610-560c6f7e879e"}, want: true},
		"another path":     {match: simulator.Match{Path: "/webhooks/5c9d64cf-d22f-4149-ad08-c24ff395c3a0"}},
		"the account":      {match: simulator.Match{ClientID: "tester"}, want: true},
		"another account":  {match: simulator.Match{ClientID: "other"}},
		"one part of many": {match: simulator.Match{Method: "GET", Path: "/webhooks/{id}", ClientID: "other"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})
			g.Expect(platform.AddFault(simulator.Fault{Match: tc.match, Action: "status:503"})).To(Succeed())

			got := c.do(http.MethodGet, "/webhooks/e6989b43-53ab-45e2-a610-560c6f7e879e", "").status

			if tc.want {
				g.Expect(got).To(Equal(http.StatusServiceUnavailable))
			} else {
				g.Expect(got).To(Equal(http.StatusNotFound))
			}
		})
	}
}

func TestFaultTimes(t *testing.T) {
	g := NewWithT(t)
	platform, c := newSimulator(t, simulator.Options{})
	g.Expect(platform.AddFault(simulator.Fault{Times: 2, Action: "status:503"})).To(Succeed())
	g.Expect(platform.AddFault(simulator.Fault{Times: simulator.Forever, Action: "status:502"})).To(Succeed())

	var statuses []int
	for range 4 {
		statuses = append(statuses, c.do(http.MethodGet, "/webhooks", "").status)
	}
	platform.ClearFaults()
	statuses = append(statuses, c.do(http.MethodGet, "/webhooks", "").status)

	g.Expect(statuses).To(Equal([]int{503, 503, 502, 502, 200}))
}

// A status looks as it would come from the platform itself, in the version that was asked.
func TestFaultStatusBodies(t *testing.T) {
	webhook := "/webhooks/e6989b43-53ab-45e2-a610-560c6f7e879e"
	tests := map[string]struct {
		method, path, accept, action string
		want                         string
	}{
		"unauthorized":         {"GET", "/webhooks", acceptV2, "status:401", `"code":"HeaderNotFound"`},
		"not found":            {"GET", webhook, acceptV2, "status:404", `"code":"WebhookNotFound"`},
		"an update refused":    {"PATCH", webhook, acceptV2, "status:422", `"code":"InvalidUpdateWebhookRequest"`},
		"an activate refused":  {"POST", webhook + "/activate", acceptV1, "status:422", `"code":"InvalidActivateWebhookRequest"`},
		"a deactivate refused": {"POST", webhook + "/deactivate", acceptV1, "status:422", `"code":"InvalidDeactivateWebhookRequest"`},
		"a limit of version 1": {"GET", "/webhooks", acceptV1, "status:429", `"code":"TooManyRequests"`},
		"credentials refused":  {"POST", "/connect/token", acceptV2, "status:400", `{"error":"invalid_client"}`},
		"no token service":     {"POST", "/connect/token", acceptV2, "status:503", "<html>"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})
			g.Expect(platform.AddFault(simulator.Fault{Action: tc.action})).To(Succeed())

			a := c.speaking(tc.accept).do(tc.method, tc.path, "{}")

			g.Expect(a.body).To(ContainSubstring(tc.want))
		})
	}
}
