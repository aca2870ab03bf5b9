package fleet_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func TestNothingIsKnownBeforeTheFirstList(t *testing.T) {
	s := newScene(t, "a")
	s.Expect(s.presence("a")).To(Equal(fleet.Unseen))
	s.Expect(s.fleet.Synced()).To(BeFalse())
	s.Expect(s.fleet.Age()).To(BeNumerically("<", 0))
	s.Expect(s.fleet.IDs()).To(BeEmpty())

	s.Expect(s.poll()).To(ConsistOf("a"))
	s.clock.Step(5 * time.Second)
	w, presence := s.fleet.Lookup("a")
	s.Expect(presence).To(Equal(fleet.Present))
	s.Expect(w).To(Equal(webhook("a")))
	s.Expect(s.presence("b")).To(Equal(fleet.Missing))
	s.Expect(s.fleet.Synced()).To(BeTrue())
	s.Expect(s.fleet.Age()).To(Equal(5 * time.Second))
	s.Expect(s.fleet.IDs()).To(ConsistOf("a"))
}

// writes are all that can be done with one webhook, and how the snapshot shows that it was done.
var writes = []struct {
	name, op string
	// prepare changes the remote side so that the write has something to find out.
	prepare func(*scene)
	write   func(*scene) error
	done    func(*scene) bool
}{{
	name: "update", op: "update", prepare: func(*scene) {},
	write: func(s *scene) error { return s.activate("a") },
	done:  func(s *scene) bool { return s.active("a") },
}, {
	name: "delete", op: "delete", prepare: func(*scene) {},
	write: func(s *scene) error { return s.deleteRemote("a") },
	done:  func(s *scene) bool { return s.presence("a") == fleet.Gone },
}, {
	name: "create", op: "create", prepare: func(*scene) {},
	write: func(s *scene) error {
		_, err := s.create("owner")
		return err
	},
	done: func(s *scene) bool { return s.presence("new-1") == fleet.Present },
}, {
	name: "confirm what exists", op: "get",
	prepare: func(s *scene) { s.remote.change("a", func(w *platform.Webhook) { w.Active = true }) },
	write:   func(s *scene) error { return s.confirm("a") },
	done:    func(s *scene) bool { return s.active("a") },
}, {
	name: "confirm what is gone", op: "get",
	prepare: func(s *scene) { s.remote.remove("a") },
	write:   func(s *scene) error { return s.confirm("a") },
	done:    func(s *scene) bool { return s.presence("a") == fleet.Absent },
}}

func TestAWriteBeginsAndEndsDuringAListTheListDoesNotChangeItsWebhook(t *testing.T) {
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.afterNext("list", func() error { // it has read the old state
				w.prepare(s)
				return w.write(s)
			})
			s.Expect(s.poll()).To(BeEmpty(), "old data enqueues no owner")
			s.Expect(w.done(s)).To(BeTrue())
		})
	}
}

func TestAListBeginsDuringAWriteTheListDoesNotChangeItsWebhook(t *testing.T) {
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			s := newListedScene(t, "a")
			list := s.remote.pauseAnswer("list")
			write := newPause()
			s.remote.beforeNext(w.op, func() error {
				defer w.prepare(s)
				return write.wait()
			})

			var failed error
			written := during(func() { failed = w.write(s) })
			<-write.arrived
			var changed []string
			listed := during(func() { changed = s.poll() })
			<-list.arrived // it has read the old state
			write.release()
			written()
			s.Expect(failed).NotTo(HaveOccurred())
			list.release()
			listed()
			s.Expect(changed).To(BeEmpty())
			s.Expect(w.done(s)).To(BeTrue())
		})
	}
}

func TestAListEndsDuringAWriteTheListDoesNotChangeItsWebhook(t *testing.T) {
	for _, w := range writes {
		if w.op == "create" {
			continue // its webhook has no id yet
		}
		t.Run(w.name, func(t *testing.T) {
			s := newListedScene(t, "a")
			w.prepare(s)
			s.remote.afterNext(w.op, func() error { // it has taken effect
				s.Expect(s.poll()).To(BeEmpty())
				s.Expect(s.active("a")).To(BeFalse(), "the answer to the write will tell")
				return nil
			})
			s.Expect(w.write(s)).To(Succeed())
			s.Expect(w.done(s)).To(BeTrue())
		})
	}
}

func TestAListBeginsAfterAWriteItsWebhookIsUpdated(t *testing.T) {
	s := newListedScene(t, "a", "b")
	s.Expect(s.activate("a")).To(Succeed())
	s.Expect(s.activate("b")).To(Succeed())
	s.Expect(s.poll()).To(BeEmpty(), "it says what the writes returned")

	s.remote.change("a", func(w *platform.Webhook) { w.Active = false })
	s.remote.remove("b")
	s.Expect(s.poll()).To(ConsistOf("a", "b"))
	s.Expect(s.active("a")).To(BeFalse())
	s.Expect(s.presence("b")).To(Equal(fleet.Missing))
}

func TestAWriteFailsListsThatBeganBeforeItsEndDoNotChangeItsWebhook(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.afterNext("list", func() error {
		s.remote.afterNext("delete", func() error { return errReset }) // carried out, but unconfirmed
		s.Expect(s.deleteRemote("a")).To(MatchError(errReset))
		return nil
	})
	s.Expect(s.poll()).To(BeEmpty())
	s.Expect(s.active("a")).To(BeFalse(), "nothing else is known of it")
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.presence("a")).To(Equal(fleet.Missing))
}

func TestAFailedListChangesNothing(t *testing.T) {
	for name, failure := range map[string]error{
		"no answer": errReset, "an error": errUnavailable, "garbage, or half of the pages": errGarbage,
		"refused credentials": errUnauthorized, "no permission": errForbidden, "no such resource": errNotFound,
		"rate limit": errLimited, "own pacing": errThrottled,
	} {
		t.Run(name, func(t *testing.T) {
			s := newListedScene(t, "a", "b")
			s.fleet.Await("waiting", s.fleet.ListCount())
			s.remote.remove("a")
			s.remote.change("b", func(w *platform.Webhook) { w.Active = true })
			s.clock.Step(time.Minute)
			heard := s.fleet.ListCount()
			s.remote.fail("list", failure)

			changes, err := s.fleet.Poll(t.Context())
			s.Expect(err).To(MatchError(failure))
			s.Expect(changes).To(BeZero())
			s.Expect(s.active("a")).To(BeFalse())
			s.Expect(s.active("b")).To(BeFalse())
			s.Expect(s.fleet.Age()).To(Equal(time.Minute))
			s.Expect(s.fleet.ListCount()).To(Equal(heard))

			changes, err = s.fleet.Poll(t.Context())
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(idsOf(changes.Webhooks)).To(ConsistOf("a", "b"))
			s.Expect(changes.Waiting).To(ConsistOf("waiting"))
		})
	}
}

func TestAbsenceIsUnconfirmedUntilAReadAndALaterListLackIt(t *testing.T) {
	s := newListedScene(t, "a", "b", "c")
	s.remote.hide("a", true)
	s.remote.hide("b", true)
	s.remote.hide("c", true)
	s.remote.remove("a")
	s.Expect(s.poll()).To(ConsistOf("a", "b", "c"), "an empty list")
	for _, id := range []string{"a", "b", "c"} {
		s.Expect(s.presence(id)).To(Equal(fleet.Missing))
	}
	s.Expect(s.fleet.IDs()).To(BeEmpty())

	s.Expect(s.confirm("a")).To(Succeed(), "not existing is an answer")
	s.Expect(s.presence("a")).To(Equal(fleet.Absent))
	s.poll()
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))
	s.Expect(s.confirm("b")).To(Succeed())
	s.Expect(s.presence("b")).To(Equal(fleet.Present))
	s.remote.fail("get", errProxy404)
	s.Expect(s.confirm("c")).To(MatchError(errProxy404), "a proxy's 404 proves nothing")
	s.Expect(s.presence("c")).To(Equal(fleet.Missing))
}

func TestAnUnlistedWebhookThatExistsIsConfirmedWithBackoff(t *testing.T) {
	s := newListedScene(t, "a", "b")
	s.remote.hide("a", true)
	var unconfirmed []int
	for list := 1; list <= 400; list++ {
		if changed := s.poll(); len(changed) > 0 {
			s.Expect(changed).To(ConsistOf("a"))
			unconfirmed = append(unconfirmed, list)
			s.Expect(s.confirm("a")).To(Succeed())
		}
		s.Expect(s.presence("a")).To(Equal(fleet.Present))
	}
	// After 1, 2, 4 … 64 lists that lack it, each counted from the confirmation.
	s.Expect(unconfirmed).To(Equal([]int{1, 3, 6, 11, 20, 37, 70, 135, 200, 265, 330, 395}))

	s.remote.hide("a", false)
	s.Expect(s.poll()).To(BeEmpty())
	s.remote.hide("a", true)
	s.Expect(s.poll()).To(ConsistOf("a"), "a list that had it makes every later absence news again")
}

func TestAListedWebhookIsMissingAtOnceHoweverOftenItWasConfirmed(t *testing.T) {
	s := newListedScene(t, "a")
	for range 5 {
		s.Expect(s.confirm("a")).To(Succeed())
	}
	s.remote.remove("a")
	s.Expect(s.poll()).To(ConsistOf("a"))
}

func TestAGoneWebhookIsListedItIsPresentAgain(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.hide("a", true)
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.remote.fail("get", errNotFound)
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Absent))
	s.Expect(s.poll()).To(BeEmpty(), "it is gone, which is no news")
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))

	s.remote.hide("a", false)
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
}

func TestAMissingWebhookIsListedUnchangedItsOwnerIsEnqueued(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.hide("a", true)
	s.poll()
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.poll()).To(BeEmpty())
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.presence("a")).To(Equal(fleet.Missing))
	s.remote.hide("a", false)
	s.Expect(s.poll()).To(ConsistOf("a"))
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
}

func TestAGoneWebhookIsReadItIsPresentAgain(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.fail("get", errNotFound)
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Absent))
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
}

func TestAGoneWebhookIsForgottenAfterAWhile(t *testing.T) {
	s := newListedScene(t)
	s.Expect(s.confirm("wrong-id")).To(Succeed())
	for range 10 {
		s.poll()
		s.Expect(s.presence("wrong-id")).To(Equal(fleet.Gone))
	}
	s.poll()
	s.Expect(s.presence("wrong-id")).To(Equal(fleet.Missing), "an owner can confirm it again")
	s.Expect(s.fleet.Size()).To(BeZero())
}

func TestPollReturnsTheWebhooksThatDiffer(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*platform.Webhook)
		same   bool
	}{
		"nothing":               {func(*platform.Webhook) {}, true},
		"order of event types":  {func(w *platform.Webhook) { w.EventTypes = []string{"b.b.v1", "a.a.v1"} }, true},
		"an event type more":    {func(w *platform.Webhook) { w.EventTypes = []string{"a.a.v1", "b.b.v1", "c.c.v1"} }, false},
		"an event type less":    {func(w *platform.Webhook) { w.EventTypes = []string{"a.a.v1"} }, false},
		"another event type":    {func(w *platform.Webhook) { w.EventTypes = []string{"a.a.v1", "c.c.v1"} }, false},
		"an event type twice":   {func(w *platform.Webhook) { w.EventTypes = []string{"a.a.v1", "a.a.v1"} }, false},
		"active":                {func(w *platform.Webhook) { w.Active = true }, false},
		"callbackUrl":           {func(w *platform.Webhook) { w.CallbackURL += "/more" }, false},
		"scope":                 {func(w *platform.Webhook) { w.Scope = platform.ScopeITwin }, false},
		"scopeId":               {func(w *platform.Webhook) { w.ScopeID = "other" }, false},
		"created":               {func(w *platform.Webhook) { w.Created = w.Created.Add(time.Millisecond) }, false},
		"modified":              {func(w *platform.Webhook) { w.Modified = w.Modified.Add(time.Millisecond) }, false},
		"the zone of its times": {func(w *platform.Webhook) { w.Modified = w.Modified.In(time.FixedZone("", 3600)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "a", "b")
			s.remote.change("a", func(w *platform.Webhook) { w.EventTypes = []string{"a.a.v1", "b.b.v1"} })
			s.poll()
			s.remote.change("a", test.change)
			if test.same {
				s.Expect(s.poll()).To(BeEmpty())
			} else {
				s.Expect(s.poll()).To(ConsistOf("a"))
			}
			w, _ := s.fleet.Lookup("a")
			s.Expect(w).To(Equal(s.remote.webhooks["a"]), "the snapshot is the list's in any case")
			s.Expect(s.poll()).To(BeEmpty())
		})
	}
}

func TestANewWebhookIsAChange(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.webhooks["b"] = webhook("b")
	s.Expect(s.poll()).To(ConsistOf("b"))
}

func TestOneListOfAnAccountIsUnderWayAtATime(t *testing.T) {
	s := newListedScene(t, "a")
	s.remote.afterNext("list", func() error {
		_, err := s.fleet.Poll(t.Context())
		s.Expect(err).To(MatchError(fleet.ErrPolling))
		return nil
	})
	s.remote.sent()
	s.poll()
	s.Expect(s.remote.sent()).To(Equal([]string{"list"}))
}

func TestAnAnswerOlderThanALaterOneIsIgnored(t *testing.T) {
	t.Run("a read and an update", func(t *testing.T) {
		s := newListedScene(t, "a")
		s.remote.afterNext("get", func() error { return s.activate("a") }) // the read has seen the old state
		s.Expect(s.confirm("a")).To(Succeed())
		s.Expect(s.active("a")).To(BeTrue())
	})
	t.Run("an update and a delete", func(t *testing.T) {
		s := newListedScene(t, "a")
		s.remote.afterNext("update", func() error { return s.deleteRemote("a") })
		s.Expect(s.activate("a")).To(Succeed())
		s.Expect(s.presence("a")).To(Equal(fleet.Gone))
	})
	t.Run("two updates", func(t *testing.T) {
		s := newListedScene(t, "a")
		s.remote.beforeNext("update", func() error { return s.deactivate("a") })
		s.Expect(s.activate("a")).To(Succeed())
		s.Expect(s.active("a")).To(BeTrue())
	})
}

func (s *scene) deactivate(id string) error {
	off := false
	_, err := s.fleet.Update(s.t.Context(), platform.Priority{}, id, platform.Patch{Active: &off})
	return err
}
