package ledger

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// A deposed process may still add the finalizer and send a create while the object waits here: that it was seen waiting
// does not begin the time after which such a create has taken effect.
func TestAnObjectWaitsTheTimeOfAnInterruptedCreateDoesNotBegin(t *testing.T) {
	const grace = 10 * time.Second
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakeClock(start)
	entry := New(clock, grace).Of(&metav1.ObjectMeta{Namespace: "digital-twin", Name: "orders", UID: "uid"})
	if since := entry.WaitingSince(clock.Now()); !since.Equal(start) {
		t.Errorf("waiting since %s, want %s", since, start)
	}
	clock.Step(30 * time.Second)
	if since := entry.WaitingSince(clock.Now()); !since.Equal(start) {
		t.Errorf("waiting since %s, want %s", since, start)
	}
	if got, want := entry.Record().SettledAfter, clock.Now().Add(grace); !got.Equal(want) {
		t.Errorf("settled after %s, want %s", got, want)
	}
	entry.WaitTold()
	if since := entry.WaitingSince(clock.Now()); !since.Equal(clock.Now()) {
		t.Errorf("waiting again since %s, want %s", since, clock.Now())
	}
}

func TestAnObjectHasNoTroubleItsRecordIsSmall(t *testing.T) {
	l := New(clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), time.Second)
	name := types.NamespacedName{Namespace: "digital-twin", Name: "orders"}
	entry := l.Of(&metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, UID: "uid"})
	entry.CreateBegins()
	entry.Owns(proof.Remote{Account: "account", ID: "id"})
	entry.SecretSent("fingerprint")
	entry.Wrote(platform.Webhook{ID: "id"}, false)
	entry.CountWrite(l.clock.Now(), 1, 5, time.Second)
	if trouble := l.entries[name].trouble; trouble != nil {
		t.Errorf("after a create without trouble %+v is kept", trouble)
	}
	entry.Failed(1, l.clock.Now())
	if l.entries[name].trouble == nil || entry.Record().Failures != 1 {
		t.Errorf("after a failed call %+v is kept", l.entries[name])
	}
	entry.Recovered()
	if entry.Record().Failures != 0 || entry.Record().Remote.ID != "id" {
		t.Errorf("after a call that succeeded the record is %+v", entry.Record())
	}
}
