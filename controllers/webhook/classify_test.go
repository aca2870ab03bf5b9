package webhook

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
)

// Of two Webhooks one waits for a slot within the rate limit, the other for the in-flight limit: only
// the first may report that the rate limit is used up, and does so after a while.
func TestAWebhookIsThrottledOnlyTheRateLimitIsReportedAsUsedUp(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	r := &Reconciler{Clock: clock}
	r.Init()
	reports := func(uid types.UID, inFlight bool) bool {
		facts := plan.Facts{Webhook: &itwinv1alpha1.Webhook{ObjectMeta: metav1.ObjectMeta{Name: string(uid), UID: uid}}}
		e := newExecutor(r, logr.Discard(), &observation{facts: facts}, plan.Plan{})
		outcome, ok := e.classify(plan.CreateRemote, &platform.ThrottledError{After: time.Second, InFlight: inFlight})
		return ok && !outcome.Silent
	}
	expect := func(limited bool) {
		t.Helper()
		if got := reports("limited", false); got != limited {
			t.Errorf("waiting for the rate limit: reported is %v, want %v", got, limited)
		}
		if reports("inFlight", true) {
			t.Error("waiting for the in-flight limit is reported as a rate limit")
		}
	}
	expect(false)
	clock.Step(2 * quietPause)
	expect(true)
}
