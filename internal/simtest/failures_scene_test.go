package simtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// bystander is a Webhook that is in sync and has nothing to send.
const bystander = "bystander"

// watchedFor is how long each failure lasts, and healedWithin how long after its end all must be well.
const (
	watchedFor   = time.Hour
	healedWithin = 75 * time.Minute
)

// observation is what was seen of one failure while it lasted.
type observation struct {
	// calls are when the call that fails was sent, since the failure began.
	calls []time.Duration
	// webhook, bystander and connection are the conditions at the end; said are the messages of the first and the last.
	webhook, idle, link string
	said                []string
	// writes are how often statuses were written, of the Webhook, of the bystander and of the connection.
	writes [3]int
	events []string
	logs   []string
	// wrong is what is not as it should be after the failure.
	wrong []string
}

// observer watches a simulation.
type observer struct {
	*simulation
	began time.Time
	route string
	observation
}

func observe(w *simulation, route string) *observer {
	o := &observer{simulation: w, route: route}
	note := func(prefix, args string) { o.logs = append(o.logs, strings.TrimSpace(prefix+" "+args)) }
	w.logger = funcr.New(note, funcr.Options{})
	w.onEvent = func(_ runtime.Object, text string) { o.events = append(o.events, text) }
	w.onCall = func(called string) {
		if called == o.route && !o.began.IsZero() {
			o.calls = append(o.calls, time.Since(o.began))
		}
	}
	return o
}

// watch forgets what was before, lets the failure last, and notes what is to be seen at the end of it.
func (o *observer) watch(act func()) {
	o.began, o.observation = time.Now(), observation{}
	history := len(o.cluster.history)
	act()
	o.run(watchedFor - time.Since(o.began))
	for _, c := range o.cluster.history[history:] {
		o.countWrite(c)
	}
	o.webhook = o.conditionsOf(o.cluster.webhook(subject))
	if b := o.cluster.webhook(bystander); b != nil {
		o.idle = said(b.Status.Conditions)
	}
	status := o.simulation.connection(crashConnection).Status
	o.link = said(status.Conditions)
	o.said = append(o.said, messageOf(status.Conditions))
}

func (o *observer) conditionsOf(w *itwinv1alpha1.Webhook) string {
	if w == nil {
		return "gone"
	}
	o.said = append(o.said, messageOf(w.Status.Conditions))
	return said(w.Status.Conditions)
}

func messageOf(conditions []metav1.Condition) string {
	if ready := apimeta.FindStatusCondition(conditions, itwinv1alpha1.ReadyCondition); ready != nil {
		return ready.Message
	}
	return ""
}

// countWrite counts a write of a status.
func (o *observer) countWrite(c change) {
	if c.old == nil || c.changed == nil {
		return
	}
	switch now := c.changed.(type) {
	case *itwinv1alpha1.Webhook:
		if equality.Semantic.DeepEqual(now.Status, c.old.(*itwinv1alpha1.Webhook).Status) {
			return
		}
		if now.Name == bystander {
			o.writes[1]++
		} else {
			o.writes[0]++
		}
	case *itwinv1alpha1.Connection:
		o.writes[2]++
	}
}

// answerWith answers the calls of a route in another way.
func (o *observer) answerWith(fail func(*http.Request) (*http.Response, error)) {
	o.failing = func(r *http.Request) (*http.Response, error) {
		if routeOf(r) != o.route {
			return nil, nil
		}
		return fail(r)
	}
}

// heal ends the failure and returns what is wrong after a while.
func (o *observer) heal() []string {
	o.failing = nil
	o.platform.ClearFaults()
	o.run(healedWithin)
	return o.violations()
}
