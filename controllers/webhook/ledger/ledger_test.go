package ledger

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
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
