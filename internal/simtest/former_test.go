package simtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
	"webhook-operator.io/itwin/simulator"
)

// addWithFormer makes a Webhook that belongs to another account now, and that has an active remote webhook left in the
// account of the default connection. While it is suspended, nothing is done about that.
func addWithFormer(changes ...func(*itwinv1alpha1.Webhook)) func(*simulation) {
	return func(w *simulation) {
		w.connect(otherConnection, otherClientID)
		id := w.createRemote(callbackOf(subject), "iModels.iModelDeleted.v1")
		w.ask(http.MethodPatch, "/webhooks/"+id, map[string]any{"active": true})
		account := fleet.AccountOf(platformURL, platformURL+"/connect/token", crashClientID)
		o := newWebhook(subject, append(changes, connectedBy(otherConnection))...)
		o.Finalizers = []string{itwinv1alpha1.WebhookFinalizer}
		list := crashKey.Former(identity.ObjectOf(o), []proof.Remote{{Account: account, ID: id}})
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, itwinv1alpha1.FormerAnnotation, list)
		w.cluster.add(o)
	}
}

func suspending(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }

// forbid lets the default connection allow no Webhook any more.
func forbid(w *simulation) {
	c := w.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
	c.Spec.AllowedCallbackHosts = []string{"nowhere.example.org"}
	c.Generation++
	w.cluster.store(c)
}

func refuseCreates(w *simulation) {
	w.fault(http.MethodPost, "/webhooks", "status:422", simulator.Forever)
}

// leftOff holds when what was given up, or is forbidden, is still there, and delivers nothing.
func leftOff(w *simulation) (wrong []string) {
	left := 0
	for _, r := range w.remotes() {
		if r.ClientID != crashClientID {
			continue
		}
		if left++; r.Active {
			wrong = append(wrong, "the webhook delivers")
		}
	}
	if left != 1 {
		wrong = append(wrong, fmt.Sprintf("%d webhooks are left, not 1", left))
	}
	return wrong
}

func nothingLeft(w *simulation) (wrong []string) {
	for _, r := range w.remotes() {
		wrong = append(wrong, "a webhook is left in the account of "+r.ClientID)
	}
	return wrong
}

// formerScenarios are about what an object gave up, or may not use any more. Of the end only what their checks say
// matters.
func formerScenarios() []scenario {
	return []scenario{
		{name: "the present one is forbidden while its object is suspended",
			before: add(), act: then(edit(suspending), forbid), webhooks: 1, check: leftOff},
		{name: "the present one is forbidden and its object deleted with Retain",
			before: add(retaining), act: then(forbid, deleteSubject), check: leftOff},
		{name: "a former one is forbidden while its object is suspended",
			before: addWithFormer(suspending), act: forbid, webhooks: 1, check: leftOff},
		{name: "a former one is forbidden while the new one is refused",
			before: then(addWithFormer(), refuseCreates), act: forbid, webhooks: 1, check: leftOff},
		{name: "a former one is forbidden and its object deleted with Retain",
			before: addWithFormer(suspending, retaining), act: then(forbid, deleteSubject), check: leftOff},
		{name: "an object is deleted that gave one up", before: addWithFormer(suspending),
			act: then(edit(func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = false }), deleteSubject), check: nothingLeft},
	}
}

// TestFormerWebhooksSurviveDeathAtEveryPoint ends the operator at each point, and lets its lists lack what exists.
func TestFormerWebhooksSurviveDeathAtEveryPoint(t *testing.T) {
	for _, s := range formerScenarios() {
		s.checkOnly, s.most = true, 2
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			v := newVisits(t, "former: "+s.name)
			points := v.visit(t, s).traces[0]
			v.visit(t, s, lackingLists)
			for k := range points {
				v.visit(t, s, dies(k+1))
			}
			for _, k := range leaving(points, "") {
				v.visit(t, s, dies(k), lackingLists)
			}
		})
	}
}

// TestAFormerWebhookThatStaysOnIsNotSentForEver lets the platform accept that a former webhook is turned off, without
// doing so.
func TestAFormerWebhookThatStaysOnIsNotSentForEver(t *testing.T) {
	inSimulation(t, func(w *simulation) {
		addWithFormer(suspending)(w)
		id := w.remotes()[0].ID
		accepted := reply{"accepted", func() (*http.Response, error) {
			body, err := json.Marshal(w.ask(http.MethodGet, "/webhooks/"+id, nil))
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(bytes.NewReader(body)),
			}, err
		}}
		p := w.start(disruption{every: "before " + updates, what: disturb, never: true, reply: accepted})
		w.run(warmUp)
		p.count()
		forbid(w)
		w.run(countedFor - time.Second)
		g := NewWithT(w.t)
		g.Expect(len(leaving(p.trace, "before ", "PATCH /webhooks"))).To(And(BeNumerically(">=", 2), BeNumerically("<=", 8)))
		w.run(plan.FailureBackoff.Longest)
		g.Expect(leftOff(w)).To(BeEmpty())
	})
}
