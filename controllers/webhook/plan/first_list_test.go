package plan

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// TestFactsBeforeFirstListThatAreNotGatheredDecideNothing holds WaitsForFirstList to its word: whatever the facts are
// that are not gathered while it is true, the decision is the one without them.
func TestFactsBeforeFirstListThatAreNotGatheredDecideNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f := beforeFirstList(random)
		if !f.WaitsForFirstList() {
			t.Fatalf("does not wait for the first list: %+v", f)
		}
		all := with(f, gatheredLater(random))
		if got, want := Decide(f), Decide(all); !reflect.DeepEqual(got, want) {
			t.Fatalf("decided %+v, and %+v with more facts: %+v", got, want, all)
		}
	}
}

// TestMoreThanTheFirstListMattersEverythingIsGathered: what was given up may have to be turned off in another account,
// and so may more be decided of objects that are deleted, suspended, or own nothing yet.
func TestMoreThanTheFirstListMattersEverythingIsGathered(t *testing.T) {
	for name, matters := range map[string]given{
		"a former remote webhook": func(f *Facts) {
			f.Identity.Former = []proof.Remote{{Account: anotherAccount, ID: "7"}}
		},
		"a deletion":               func(f *Facts) { f.Webhook.DeletionTimestamp = new(metav1.NewTime(noon)) },
		"a suspended Webhook":      func(f *Facts) { f.Webhook.Spec.Suspend = true },
		"no remote webhook":        func(f *Facts) { f.Identity.Owned = proof.Remote{} },
		"a listed account":         func(f *Facts) { f.Connection.Synced = true },
		"a problem to be reported": func(f *Facts) { f.Connection.Problem = &status.Problem{Reason: "ConnectionNotFound"} },
	} {
		f := settled()
		f.Connection.Synced = false
		if !f.WaitsForFirstList() {
			t.Fatal("a Webhook in sync does not wait for the first list of its account")
		}
		if f = with(f, matters); f.WaitsForFirstList() {
			t.Errorf("%s: waits for the first list, whatever else is so", name)
		}
	}
}

// beforeFirstList are the facts about a Webhook with a remote webhook in an account that was not listed yet.
func beforeFirstList(random *rand.Rand) Facts {
	f := settled()
	f.Remote, f.Presence, f.Secret = platform.Webhook{}, fleet.Unseen, SecretFacts{}
	f.Holder, f.Attempt, f.Connection.Synced = holderFacts{}, attemptFacts{}, false
	maybe(random, func() { f.Connection.Account = "" })
	maybe(random, func() { f.Connection.Failure = errors.New("no route to host") })
	maybe(random, func() { f.Connection.Failure = &platform.Error{Operation: "list", Status: 503} })
	maybe(random, func() { f.Generation++ })
	maybe(random, func() { f.RefreshSince = noon })
	maybe(random, func() { f.Webhook.Status.Active = new(false) })
	maybe(random, func() { f.Webhook.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest })
	return f
}

// gatheredLater sets facts that are gathered after those that WaitsForFirstList needs. Nothing is known to be present in
// an account that was not listed.
func gatheredLater(random *rand.Rand) given {
	return func(f *Facts) {
		f.Holder = holderFacts{Reach: Reach(random.IntN(int(Reachable) + 1)), Failure: f.Connection.Failure}
		f.Presence = []fleet.Presence{fleet.Unseen, fleet.Missing, fleet.Absent, fleet.Gone}[random.IntN(4)]
		f.Attempt = attemptFacts{NoneInFlight: random.IntN(2) == 0, Settled: random.IntN(2) == 0}
		f.Restless = fleet.Restlessness(random.IntN(int(fleet.Restless) + 1))
		maybe(random, func() { f.ConflictingOwner, f.OwnerLeaves = "shop/other", random.IntN(2) == 0 })
		maybe(random, func() { f.Attempt.WarmUp = time.Second })
		maybe(random, func() { f.Marked = []MarkedFacts{{Account: anotherAccount, Webhook: platform.Webhook{ID: "7"}}} })
		maybe(random, func() { f.Duplicates = []Duplicate{{Name: "other", EventTypes: []string{"a.b.v1"}}} })
		maybe(random, func() { f.Adoptable = &platform.Webhook{ID: "8"} })
		maybe(random, func() { f.AdoptionWaitSince = noon })
		maybe(random, func() { f.TurnedOff = true })
		maybe(random, func() { f.ContestedUntil = noon.Add(time.Minute) })
		maybe(random, func() { f.Spelling = Spelling{Sent: callback, Answered: callback + "/"} })
		f.Secret = []SecretFacts{
			{Missing: true}, {Rotate: true}, {Metadata: true},
			{Problem: &status.Problem{Reason: itwinv1alpha1.SecretNotFoundReason, Message: "missing"}, Retry: time.Minute},
			{Held: &status.Problem{Reason: itwinv1alpha1.KubernetesRefusedReason, Message: "refused"}},
			{Loaded: true, Value: "another", Fingerprint: "f8"},
		}[random.IntN(6)]
	}
}

// maybe does something in one of three cases.
func maybe(random *rand.Rand, do func()) {
	if random.IntN(3) == 0 {
		do()
	}
}
