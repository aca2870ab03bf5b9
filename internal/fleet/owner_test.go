package fleet_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// unowned looks for what the request of these tests would make.
func (s *scene) unowned() []platform.Webhook {
	return s.fleet.Unowned(func(w platform.Webhook) bool { return w.CallbackURL == request().CallbackURL })
}

func TestAWebhookHasOneOwner(t *testing.T) {
	s := newListedScene(t, "a")
	s.Expect(s.fleet.Owned("a")).To(BeFalse())
	s.Expect(s.fleet.Claim("a", "one")).To(BeTrue())
	s.Expect(s.fleet.Claim("a", "one")).To(BeTrue())
	s.Expect(s.fleet.Claim("a", "other")).To(BeFalse())
	s.fleet.Release("a", "other")
	s.Expect(s.fleet.Owned("a")).To(BeTrue())
	s.Expect(s.fleet.Claim("a", "other")).To(BeFalse())
	s.fleet.Release("a", "one")
	s.Expect(s.fleet.Owned("a")).To(BeFalse())
	s.Expect(s.fleet.Claim("a", "other")).To(BeTrue())
}

func TestManyClaimAWebhookOneGetsIt(t *testing.T) {
	s := newListedScene(t, "a")
	var won sync.Map
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if owner := fleet.Owner(fmt.Sprint(i)); s.fleet.Claim("a", owner) {
				won.Store(owner, true)
			}
		})
	}
	group.Wait()
	winners := 0
	won.Range(func(any, any) bool { winners++; return true })
	s.Expect(winners).To(Equal(1))
}

func TestReleaseByAnotherOwnerChangesNothing(t *testing.T) {
	s := newListedScene(t, "a")
	s.fleet.Claim("a", "one")
	s.remote.remove("a")
	s.Expect(s.confirm("a")).To(Succeed())
	s.fleet.Release("a", "other")
	s.Expect(s.fleet.Owned("a")).To(BeTrue())
	s.fleet.Release("a", "one")
	s.Expect(s.fleet.Owned("a")).To(BeFalse())
}

func TestACreatedWebhookBelongsToItsCreator(t *testing.T) {
	s := newListedScene(t)
	w, err := s.create("one")
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(s.fleet.Owned(w.ID)).To(BeTrue())
	s.Expect(s.fleet.Claim(w.ID, "other")).To(BeFalse())
	s.Expect(s.unowned()).To(BeEmpty())
}

func TestUnownedIsWhatMatchesWithoutAnOwner(t *testing.T) {
	s := newScene(t, "old", "older", "same-age", "other", "owned", "missing", "gone", "deleted", "released")
	for _, id := range []string{"old", "older", "same-age", "owned", "missing", "gone", "deleted", "released"} {
		s.remote.change(id, func(w *platform.Webhook) { w.CallbackURL = request().CallbackURL })
	}
	s.remote.change("older", func(w *platform.Webhook) { w.Created = start.Add(-time.Hour) })
	s.poll()
	s.fleet.Claim("owned", "one")
	s.fleet.Claim("released", "one")
	s.fleet.Release("released", "one")
	s.remote.remove("missing")
	s.remote.remove("gone")
	s.poll()
	s.Expect(s.confirm("gone")).To(Succeed())
	s.Expect(s.deleteRemote("deleted")).To(Succeed())

	s.Expect(idsOf(s.unowned())).To(Equal([]string{"older", "old", "released", "same-age"}), "oldest first, then by id")
	s.Expect(s.fleet.IDs()).To(ConsistOf("old", "older", "same-age", "other", "owned", "released"))
}

// A process that lives for years must not remember what came and went.
func TestAGoneWebhookIsForgotten(t *testing.T) {
	s := newListedScene(t, "stays")
	s.fleet.Claim("stays", "stays")
	idle := s.fleet.Size()
	for i := range 200 {
		owner := fleet.Owner(fmt.Sprint("owner-", i))
		w, err := s.create(owner)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(s.activate(w.ID)).To(Succeed())
		s.fleet.Await(string(owner), s.fleet.ListCount())
		switch i % 5 {
		case 0: // deleted by its owner
			s.Expect(s.deleteRemote(w.ID)).To(Succeed())
			s.fleet.Release(w.ID, owner)
		case 1: // deleted behind its owner's back
			s.poll()
			s.remote.remove(w.ID)
			s.poll()
			s.Expect(s.confirm(w.ID)).To(Succeed())
			s.fleet.Release(w.ID, owner)
		case 2: // never listed, and given up
			s.remote.hide(w.ID, true)
			s.poll()
			s.Expect(s.confirm(w.ID)).To(Succeed())
			s.fleet.Release(w.ID, owner)
		case 3: // an orphan, deleted by another owner
			s.fleet.Release(w.ID, owner)
			s.Expect(s.deleteRemote(w.ID)).To(Succeed())
		case 4: // an import of what never was, and a delete of unknown outcome
			s.Expect(s.confirm(fmt.Sprint("wrong-", i))).To(Succeed())
			s.remote.afterNext("delete", func() error { return errReset })
			s.Expect(s.deleteRemote(w.ID)).NotTo(Succeed())
			s.poll()
			s.fleet.Release(w.ID, owner)
		}
	}
	for range 12 {
		s.poll()
	}
	s.Expect(s.fleet.Size()).To(Equal(idle))
	s.Expect(s.fleet.IDs()).To(ConsistOf("stays"))
}
