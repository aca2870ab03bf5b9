package simtest

import (
	"net/http"
	"slices"
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// failingCall is a call that can fail, and what leads to it.
type failingCall struct {
	name, method, path string
	// before is done and has settled when the failure begins; act makes the operator call.
	before, act func(*observer)
	// own are the failures that befall this call alone.
	own []failure
}

func (c failingCall) route() string { return c.method + " " + c.path }

func (c failingCall) failures() []failure { return slices.Concat(commonFailures(), c.own) }

func failingCalls() []failingCall {
	ready := func(o *observer) { o.start(); o.cluster.add(newWebhook(bystander)); add()(o.simulation) }
	alone := func(o *observer) { o.start(); o.cluster.add(newWebhook(bystander)) }
	const one = "/webhooks/{id}"
	return []failingCall{
		{
			name: "get a token", method: http.MethodPost, path: "/connect/token", own: tokenFailures(),
			before: func(*observer) {}, act: func(o *observer) { o.start(); add()(o.simulation) },
		},
		{
			name: "list", method: http.MethodGet, path: "/webhooks", before: ready, own: listFailures(),
			act: func(o *observer) { o.run(pollEvery * 3); edit(changeSpec)(o.simulation) },
		},
		{
			name: "read", method: http.MethodGet, path: one, before: ready,
			act: func(o *observer) {
				o.ask(http.MethodDelete, "/webhooks/"+o.cluster.webhook(subject).Status.WebhookID, nil)
			},
		},
		{
			name: "create", method: http.MethodPost, path: "/webhooks", before: alone,
			act: func(o *observer) { add()(o.simulation) },
		},
		{
			name: "activate", method: http.MethodPatch, path: one, before: alone,
			act: func(o *observer) { add()(o.simulation) },
		},
		{
			name: "update", method: http.MethodPatch, path: one, before: ready,
			act: func(o *observer) { edit(changeSpec)(o.simulation) },
		},
		{
			name: "delete", method: http.MethodDelete, path: one, before: ready,
			act: func(o *observer) { deleteSubject(o.simulation) },
		},
	}
}

// fail lets a call fail for an hour and returns what was seen.
func fail(w *simulation, n *network, c failingCall, f failure) observation {
	o := observe(w, c.route())
	w.editConnection(crashConnection, func(s *itwinv1alpha1.ConnectionSpec) { s.PollInterval.Duration = time.Minute })
	c.before(o)
	w.run(3 * time.Minute)
	if f.action != "" {
		w.fault(c.method, c.path, f.action, simulator.Forever)
	} else {
		o.answerWith(func(r *http.Request) (*http.Response, error) { return f.fail(n, r) })
	}
	o.watch(func() { c.act(o) })
	seen := o.observation
	seen.wrong = o.heal()
	return seen
}
