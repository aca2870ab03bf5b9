package simtest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
)

// scenario is something that people do, or the platform.
type scenario struct {
	name string
	// before makes what is there, and settled, when the process that will be disturbed has worked for a while. When it is
	// nil, the process starts after act.
	before func(*simulation)
	// act is what is done then.
	act func(*simulation)
	// webhooks is how many there are in the end.
	webhooks int
	// most is how many remote webhooks there may be at any time; the number of webhooks, when 0.
	most int
	// lasts is how much longer than settleFor it takes until all has settled.
	lasts time.Duration
	// settles is how much longer than warmUp it takes until what is there before has settled.
	settles time.Duration
	// variant is how the platform differs from the simulator's default; "" when it does not.
	variant string
	// check tells what else is wrong in the end; with checkOnly it tells all that is.
	check     func(*simulation) []string
	checkOnly bool
	// seed orders what happens at the same time; 0 is the order of the agenda.
	seed uint64
}

// warmUp is how long a process works before it is disturbed: it has settled, and polled again.
const warmUp = 30 * time.Second

const (
	subject   = "model-events"
	hmac      = "hmac"
	otherHMAC = "other-hmac"
	thirdHMAC = "third-hmac"
	firstHMAC = "the-first-value-of-a-signing-secret"
	nextHMAC  = "the-second-value-of-a-signing-secret"
	lastHMAC  = "the-third-value-of-a-signing-secret"
)

func add(changes ...func(*itwinv1alpha1.Webhook)) func(*simulation) {
	return func(w *simulation) { w.cluster.add(newWebhook(subject, changes...)) }
}

func edit(change func(*itwinv1alpha1.Webhook)) func(*simulation) {
	return func(w *simulation) { w.cluster.edit(subject, change) }
}

func annotate(annotation string) func(*simulation) {
	return func(w *simulation) { w.cluster.annotate(subject, annotation, "now") }
}

func deleteSubject(w *simulation) { w.cluster.remove(w.cluster.webhook(subject)) }

func referring(secret string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: secret} }
}

func changeSpec(w *itwinv1alpha1.Webhook) {
	w.Spec.CallbackURL = callbackOf("elsewhere")
	w.Spec.EventTypes = []string{"iModels.iModelCreated.v1"}
}

// then does several things at the same moment.
func then(all ...func(*simulation)) func(*simulation) {
	return func(w *simulation) {
		for _, do := range all {
			do(w)
		}
	}
}

func nothingBefore(*simulation) {}

func keepSecret(value string) func(*simulation) {
	return func(w *simulation) {
		w.cluster.setSecret(hmac, map[string]string{itwinv1alpha1.DefaultSecretKey: value})
	}
}

func keepSecrets(w *simulation) {
	for name, value := range map[string]string{hmac: firstHMAC, otherHMAC: nextHMAC, thirdHMAC: lastHMAC} {
		w.cluster.setSecret(name, map[string]string{itwinv1alpha1.DefaultSecretKey: value})
	}
}

// scenarios are those of every test in which processes are disturbed.
func scenarios() []scenario {
	return []scenario{
		{name: "start and create", act: add(), webhooks: 1},
		{name: "create with a generated secret", before: nothingBefore, act: add(), webhooks: 1},
		{name: "create with a given secret", before: keepSecret(firstHMAC), act: add(referring(hmac)), webhooks: 1},
		{name: "create two that are equal", before: nothingBefore, act: then(add(), addTwin), webhooks: 2},
		{name: "update", before: add(), act: edit(changeSpec), webhooks: 1},
		{
			name:     "turn off",
			before:   add(),
			act:      edit(func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) }),
			webhooks: 1,
		},
		{name: "rotate a given secret", before: then(keepSecret(firstHMAC), add(referring(hmac))),
			act: keepSecret(nextHMAC), webhooks: 1},
		{name: "use another given secret", before: then(keepSecrets, add(referring(hmac))),
			act: edit(referring(otherHMAC)), webhooks: 1},
		{
			name:     "rotate a generated secret",
			before:   add(),
			act:      annotate(itwinv1alpha1.RotateRequestedAtAnnotation),
			webhooks: 1,
			check:    rotatedOnce,
		},
		{name: "edit the template of a generated secret", before: then(add(templated("team", "models")), labelledByAnother),
			act: edit(templated("stage", "test")), webhooks: 1, check: templateReplaced},
		{name: "reactivate", before: add(), act: deactivate, webhooks: 1, check: deactivatedOnce},
		{name: "reactivate on request", before: then(add(reactivatedOnRequest), deactivateOnceReady),
			act: annotate(itwinv1alpha1.ReactivateRequestedAtAnnotation), webhooks: 1, check: deactivatedOnce},
		{name: "import", before: existing, act: importIt, webhooks: 1},
		{name: "adopt", before: existing, act: add(adopting), webhooks: 1},
		{name: "restore from a backup", act: restoreBackup, webhooks: 1, check: nothingCreated},
		{name: "apply to a rebuilt cluster", act: then(existing, add(adopting)), webhooks: 1, check: nothingCreated},
		{name: "delete", before: add(), act: deleteSubject},
		{name: "recreate under the same name", before: add(), act: recreate, webhooks: 1},
		{name: "remote webhook changed", before: add(), act: changeRemotely, webhooks: 1},
		{name: "remote webhook deleted", before: add(), act: deleteRemotely, webhooks: 1},
	}
}

// addTwin makes a second Webhook that asks for the same.
func addTwin(w *simulation) {
	w.cluster.add(newWebhook("twin", func(twin *itwinv1alpha1.Webhook) { twin.Spec.CallbackURL = callbackOf(subject) }))
}

func reactivatedOnRequest(w *itwinv1alpha1.Webhook) {
	w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
}

func adopting(w *itwinv1alpha1.Webhook) { w.Spec.AdoptionPolicy = itwinv1alpha1.AdoptMatching }

// existing makes a webhook by hand that a Webhook is to take over.
func existing(w *simulation) { w.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1") }

func importIt(w *simulation) {
	add(func(o *itwinv1alpha1.Webhook) { o.Spec.WebhookID = w.remotes()[0].ID })(w)
}

// restoreBackup applies what a backup holds of a Webhook: its identity, but no status.
func restoreBackup(w *simulation) {
	existing(w)
	add(claiming(w.remotes()[0].ID))(w)
}

// claiming gives a Webhook the identity of a remote one.
func claiming(id string) func(*itwinv1alpha1.Webhook) {
	return func(o *itwinv1alpha1.Webhook) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, itwinv1alpha1.WebhookIDAnnotation, id)
		o.Finalizers = []string{itwinv1alpha1.WebhookFinalizer}
	}
}

// nothingCreated but what was made by hand: the foreign, and the webhook that is taken over.
func nothingCreated(w *simulation) (wrong []string) {
	if n := w.creates() - len(w.foreignWebhooks) - 1; n != 0 {
		wrong = append(wrong, fmt.Sprintf("%d webhooks were created", n))
	}
	return wrong
}

// creates is how many creates the platform has been sent.
func (w *simulation) creates() int { return w.platform.Requests().Counts["POST /webhooks"] }

func deactivate(w *simulation) {
	_, err := w.platform.Deactivate(w.remotes()[0].ID)
	w.must(err)
}

func deactivateOnceReady(w *simulation) {
	w.cluster.when(func() bool { return isReady(w.cluster.webhook(subject)) }, func() { deactivate(w) })
}

func isReady(w *itwinv1alpha1.Webhook) bool {
	return apimeta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
}

func deactivatedOnce(w *simulation) (wrong []string) {
	if n := w.cluster.webhook(subject).Status.Deactivations; n != 1 {
		wrong = append(wrong, fmt.Sprintf("deactivations is %d, not 1", n))
	}
	return wrong
}

// rotatedOnce holds when the generated Secret has had two values: a receiver that accepts the present one and the one
// before it has missed none.
func rotatedOnce(w *simulation) (wrong []string) { return generatedValues(w, 2) }

// generatedValues says when the generated Secret has not had so many values.
func generatedValues(w *simulation, want int) (wrong []string) {
	values := map[string]bool{}
	for _, c := range w.cluster.history {
		secret, is := c.changed.(*corev1.Secret)
		if is && secret.Name == subject+itwinv1alpha1.GeneratedSecretSuffix {
			values[string(secret.Data[itwinv1alpha1.DefaultSecretKey])] = true
		}
	}
	if len(values) != want {
		wrong = append(wrong, fmt.Sprintf("the Secret has had %d values, not %d", len(values), want))
	}
	return wrong
}

// templated gives the generated Secret one label.
func templated(key, value itwinv1alpha1.LabelValue) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretTemplate = &itwinv1alpha1.SecretTemplate{Labels: map[string]itwinv1alpha1.LabelValue{string(key): value}}
	}
}

// labelledByAnother lets another client label the generated Secret once it is there.
func labelledByAnother(w *simulation) {
	w.cluster.when(func() bool { return generatedSecret(w) != nil }, func() {
		secret := generatedSecret(w)
		secret.Labels["foreign"] = "kept"
		w.cluster.store(secret)
	})
}

func generatedSecret(w *simulation) *corev1.Secret {
	secret, _ := w.cluster.read(secretOf(subject)).(*corev1.Secret)
	return secret
}

// templateReplaced holds when the generated Secret has the labels of the template as it is now and those of other
// clients, and has kept its value.
func templateReplaced(w *simulation) (wrong []string) {
	secret, wrong := generatedSecret(w), generatedValues(w, 1)
	want := map[string]string{kube.ManagedByLabel: kube.ManagerName, "stage": "test", "foreign": "kept"}
	if !maps.Equal(secret.Labels, want) {
		wrong = append(wrong, fmt.Sprintf("the Secret has the labels %v, not %v", secret.Labels, want))
	}
	return wrong
}

// recreate deletes a Webhook and makes it again as soon as it is gone.
func recreate(w *simulation) {
	deleteSubject(w)
	w.cluster.when(func() bool { return w.cluster.webhook(subject) == nil }, func() { add()(w) })
}

func deleteRemotely(w *simulation) { w.ask(http.MethodDelete, "/webhooks/"+w.remotes()[0].ID, nil) }

func changeRemotely(w *simulation) {
	w.ask(http.MethodPatch, "/webhooks/"+w.remotes()[0].ID, map[string]any{
		"callbackUrl": callbackOf("wrong"), "eventTypes": []string{"iTwins.iTwinDeleted.v1"},
	})
}

// outcome is what came of a scenario.
type outcome struct {
	// traces are the points of each process, from the disturbed one on.
	traces [][]string
	// events is how many watch events the disturbed process has got.
	events int
	// sent is how often the platform was asked to change something, by route.
	sent       map[string]int
	violations []string
}

// play plays a scenario. The first process meets the first faults, its successor the next, and so on.
func (s scenario) play(t *testing.T, faults ...[]disruption) (o outcome) {
	t.Helper()
	inSimulation(t, func(w *simulation) {
		w.agenda.permute(s.seed)
		w.keepForeign(w.createRemote(callbackOf("foreign"), "iModels.iModelDeleted.v1"))
		if s.variant != "" {
			w.restless = s.variant == "modified-moves"
			w.must(w.platform.SetVariant(s.variant))
		}
		if len(faults) > 0 {
			w.successors = faults[1:]
		}
		s.begin(w, faults)
		w.run(countedFor)
		for range w.processes[1:] {
			w.run(countedFor)
		}
		w.run(settleFor)
		w.run(s.lasts)
		o = s.classify(w)
	})
	return o
}

// begin lets the disturbed process count its points from the moment of the act.
func (s scenario) begin(w *simulation, faults [][]disruption) {
	if s.before != nil {
		s.before(w)
	}
	var own []disruption
	if len(faults) > 0 {
		own = faults[0]
	}
	if s.before == nil {
		s.act(w)
		if strings.HasPrefix(s.variant, "lists-lag") {
			w.run(warmUp) // what was there before is listed
		}
		w.start(own...).count()
		return
	}
	p := w.start(own...)
	w.run(warmUp + s.settles)
	p.count()
	s.act(w)
}

// classify tells what is wrong in the end.
func (s scenario) classify(w *simulation) outcome {
	o := outcome{violations: w.violations(), events: w.processes[0].events, sent: w.platform.Requests().Counts}
	maps.DeleteFunc(o.sent, func(route string, _ int) bool {
		return strings.HasPrefix(route, http.MethodGet) || strings.HasSuffix(route, "/token")
	})
	for _, p := range w.processes {
		o.traces = append(o.traces, p.trace)
	}
	if s.checkOnly {
		o.violations = nil
	}
	o.violations, w.lies = append(o.violations, w.lies...), nil
	if s.check != nil {
		o.violations = append(o.violations, s.check(w)...)
	}
	if n := len(w.cluster.webhooks()); n != s.webhooks {
		o.violations = append(o.violations, fmt.Sprintf("there are %d Webhooks, not %d", n, s.webhooks))
	}
	if most := max(s.most, s.webhooks, 1); w.most > most {
		o.violations = append(o.violations, fmt.Sprintf("there were %d remote webhooks at a time, not %d", w.most, most))
	}
	return o
}

// complain reports what is wrong, and how it came to that.
func (s scenario) complain(t *testing.T, o outcome, faults ...[]disruption) {
	t.Helper()
	if len(o.violations) == 0 {
		return
	}
	var text strings.Builder
	for i, all := range faults {
		for _, f := range all {
			fmt.Fprintf(&text, "process %d %s (%s); ", i+1, f, o.point(i, f.point))
		}
	}
	t.Errorf("%s: %s\n\t%s\n%s", s.name, text.String(), strings.Join(o.violations, "\n\t"), o.story())
}

// point is what a process was about to do, or had done, at a point.
func (o outcome) point(process, point int) string {
	if process < len(o.traces) && 0 < point && point <= len(o.traces[process]) {
		return o.traces[process][point-1]
	}
	return "not reached"
}

// story is all that the processes did, without the reads from caches.
func (o outcome) story() string {
	var text strings.Builder
	for i, trace := range o.traces {
		fmt.Fprintf(&text, "process %d:", i+1)
		for n, point := range trace {
			if !strings.Contains(point, cached) {
				fmt.Fprintf(&text, " %d %s;", n+1, point)
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}
