package fleet_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// operations are all that writes send, with what they send first.
var operations = map[string]func(*scene) error{
	"create": func(s *scene) error {
		_, err := s.create("owner")
		return err
	},
	"update": func(s *scene) error { return s.activate("a") },
	"delete": func(s *scene) error { return s.deleteRemote("a") },
	"get":    func(s *scene) error { return s.confirm("a") },
}

var unreliable = map[string]error{
	"no answer": errReset, "an error": errUnavailable, "garbage": errGarbage, "no connection": errDial,
	"a proxy's 404": errProxy404, "refused credentials": errUnauthorized,
}

// expectHeld checks that trouble holds every write back, except for those that are named.
// toldAs matches a failed call as the callers that it keeps waiting are told of it: a list as it is, any other without
// what it was about.
func toldAs(failure error) types.GomegaMatcher {
	return Or(MatchError(failure), MatchError(platform.OfAnother(failure).Error()))
}

func (s *scene) expectHeld(reason error, others ...string) {
	s.t.Helper()
	s.Expect(s.fleet.Failure()).To(toldAs(reason))
	s.remote.sent()
	for op, do := range operations {
		if slices.Contains(others, op) {
			continue
		}
		err := do(s)
		held, ok := errors.AsType[*fleet.HeldError](err)
		s.Expect(ok).To(BeTrue(), "%s: %v", op, err)
		s.Expect(held.Reason).To(toldAs(reason))
		s.Expect(platform.MayHaveHappened(err)).To(BeFalse(), "it was not sent, whatever became of the one before")
		s.Expect(platform.IsUnauthorized(err) || platform.IsRefused(err) || platform.IsNotFound(err)).To(BeFalse())
		s.Expect(err).To(MatchError(ContainSubstring(held.Reason.Error())), "but the reason is told")
	}
	s.Expect(s.remote.sent()).To(BeEmpty())
}

func TestNothingIsSentBeforeTheFirstList(t *testing.T) {
	s := newScene(t, "a")
	for op, do := range operations {
		err := do(s)
		_, held := errors.AsType[*fleet.HeldError](err)
		s.Expect(held).To(BeTrue(), "%s: %v", op, err)
	}
	s.Expect(s.remote.sent()).To(BeEmpty())
	s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
}

func TestReadyReturnsTheErrorThatAChangeWouldGet(t *testing.T) {
	s := newScene(t, "a")
	ready := func() error { return s.fleet.Ready(platform.Priority{}) }
	s.Expect(ready()).To(BeAssignableToTypeOf(&fleet.HeldError{}), "before the first list")
	s.poll()
	s.Expect(ready()).To(Succeed())
	s.remote.unready = errThrottled
	s.Expect(ready()).To(MatchError(errThrottled))
	s.remote.unready = nil
	s.remote.fail("update", errReset)
	s.Expect(s.activate("a")).To(MatchError(errReset))
	s.Expect(ready()).To(MatchError(ContainSubstring("connection reset")))
	s.poll()
	s.Expect(ready()).To(Succeed())
	s.fleet.Close(errors.New("the Secret is gone"))
	s.Expect(ready()).To(MatchError(ContainSubstring("the Secret is gone")))
}

func TestAfterOneUnreliableAnswerOnlyAListIsSent(t *testing.T) {
	for op, do := range operations {
		for name, failure := range unreliable {
			t.Run(op+" met "+name, func(t *testing.T) {
				s := newListedScene(t, "a")
				s.remote.fail(op, failure)
				s.Expect(do(s)).To(MatchError(failure))
				s.Expect(s.pollRequests.Load()).To(BeEquivalentTo(1), "a list is asked for at once")
				s.expectHeld(failure)

				s.remote.fail("list", errUnavailable)
				_, err := s.fleet.Poll(t.Context())
				s.Expect(err).To(HaveOccurred())
				s.expectHeld(errUnavailable)

				s.poll()
				s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
				s.Expect(s.activate("a")).To(Succeed())
			})
		}
	}
}

func TestARequestFailsAfterAListBeganTheListDoesNotClearTheFailure(t *testing.T) {
	for op, do := range operations {
		t.Run(op, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.afterNext("list", func() error {
				// At the very time when the list began, as far as any clock can tell.
				s.remote.fail(op, errReset)
				return ignore(do(s))
			})
			s.poll()
			s.expectHeld(errReset)
			s.poll()
			s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
		})
	}
}

func TestAnAnswerComesAfterAListBeganTheListDoesNotClearItsFailure(t *testing.T) {
	s := newListedScene(t, "a")
	update := newPause()
	s.remote.afterNext("update", func() error {
		_ = update.wait()
		return errReset
	})
	written := during(func() { _ = s.activate("a") }) // sent before the list began
	<-update.arrived
	s.remote.afterNext("list", func() error {
		update.release()
		written()
		return nil
	})
	s.poll()
	s.expectHeld(errReset)
}

// ignore lets a call go on after an error that it caused elsewhere.
func ignore(error) error { return nil }

func TestARefusedRequestIsNoOutage(t *testing.T) {
	for name, failure := range map[string]error{
		"a refused request": errRefused, "a missing permission": errForbidden, "the rate limit": errLimited,
		"our own pacing": errThrottled, "a closed gate": errClosedGate, "an id that is none": errors.New("no id"),
	} {
		for op, do := range operations {
			t.Run(op+" met "+name, func(t *testing.T) {
				s := newListedScene(t, "a")
				s.remote.fail(op, failure)
				s.Expect(do(s)).To(MatchError(failure))
				s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
				s.Expect(s.pollRequests.Load()).To(BeZero())
				s.Expect(s.activate("a")).To(Succeed())
			})
		}
	}
}

func TestNotFoundIsNoOutage(t *testing.T) {
	s := newListedScene(t)
	s.Expect(s.activate("a")).To(MatchError(errNotFound))
	s.Expect(s.presence("a")).To(Equal(fleet.Missing), "it may be hidden from these credentials")
	s.Expect(s.deleteRemote("a")).To(MatchError(errNotFound), "likewise")
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Absent))
	s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
}

func TestAListThatIsRefusedMakesWritesWait(t *testing.T) {
	for name, failure := range map[string]error{
		"no permission": errForbidden, "no such resource": errNotFound, "refused": errRefused, "other": errors.New("other"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.fail("list", failure)
			_, err := s.fleet.Poll(t.Context())
			s.Expect(err).To(MatchError(failure))
			s.expectHeld(failure)
		})
	}
}

func TestAThrottledListLetsWritesTry(t *testing.T) {
	for name, failure := range map[string]error{"429": errLimited, "pacing": errThrottled} {
		t.Run(name, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.remote.fail("list", failure)
			_, err := s.fleet.Poll(t.Context())
			s.Expect(err).To(MatchError(failure))
			s.Expect(s.activate("a")).To(Succeed())

			s.remote.fail("update", errReset)
			s.Expect(s.activate("a")).NotTo(Succeed())
			s.remote.fail("list", failure)
			_, err = s.fleet.Poll(t.Context())
			s.Expect(err).To(MatchError(failure))
			s.expectHeld(errReset)
		})
	}
}

func TestADeleteOfUnknownOutcomeIsKnownAfterTheNextList(t *testing.T) {
	for name, happened := range map[string]bool{"the delete was carried out": true, "the delete was not carried out": false} {
		t.Run(name, func(t *testing.T) {
			s := newListedScene(t, "a")
			if happened {
				s.remote.afterNext("delete", func() error { return errReset })
			} else {
				s.remote.fail("delete", errReset)
			}
			s.Expect(s.deleteRemote("a")).To(MatchError(errReset))
			s.Expect(s.presence("a")).To(Equal(fleet.Present), "nothing proves the contrary")
			changed := s.poll()
			if happened {
				s.Expect(changed).To(ConsistOf("a"))
				s.Expect(s.presence("a")).To(Equal(fleet.Missing))
				s.Expect(s.confirm("a")).To(Succeed())
				s.poll()
			} else {
				s.Expect(changed).To(BeEmpty())
				s.Expect(s.deleteRemote("a")).To(Succeed())
			}
			s.Expect(s.presence("a")).To(Equal(fleet.Gone))
		})
	}
}

func TestACreateOfUnknownOutcomeIsFoundByTheNextList(t *testing.T) {
	s := newListedScene(t)
	s.remote.afterNext("create", func() error { return errReset })
	_, err := s.create("owner")
	s.Expect(platform.MayHaveHappened(err)).To(BeTrue())
	s.Expect(s.unowned()).To(BeEmpty())
	s.Expect(s.poll()).To(ConsistOf("new-1"))
	s.Expect(s.unowned()).To(HaveLen(1))
}

func TestAClosedFleetLetsOnlyDeletesAndConfirmationsThrough(t *testing.T) {
	s := newListedScene(t, "a", "b")
	reason := errors.New("the Secret is gone")
	s.fleet.Close(reason)
	s.Expect(s.fleet.Closed()).To(MatchError(reason))
	for _, op := range []string{"create", "update"} {
		err := operations[op](s)
		held, ok := errors.AsType[*fleet.HeldError](err)
		s.Expect(ok).To(BeTrue(), "%s: %v", op, err)
		s.Expect(held.Reason).To(toldAs(reason))
	}
	s.Expect(s.remote.sent()).To(BeEmpty())

	s.poll()
	s.Expect(s.confirm("b")).To(Succeed())
	s.Expect(s.deleteRemote("a")).To(Succeed())
	s.Expect(s.remote.sent()).To(Equal([]string{"list", "get b", "delete a"}))

	s.remote.fail("delete", errReset)
	s.Expect(s.deleteRemote("b")).To(MatchError(errReset))
	s.expectHeld(errReset, "create", "update")
	s.fleet.Use(s.remote)
	s.Expect(s.fleet.Closed()).NotTo(HaveOccurred())
	s.Expect(s.fleet.Failure()).To(toldAs(errReset), "an outage is the account's, whichever member calls")
	s.poll()
	s.Expect(s.activate("b")).To(Succeed())
}

func TestTheClientIsReplacedTheSnapshotIsKept(t *testing.T) {
	s := newListedScene(t, "a")
	s.fleet.Claim("a", "owner")
	s.remote.fail("update", errUnauthorized)
	s.Expect(s.activate("a")).NotTo(Succeed())
	s.remote.fail("list", errUnauthorized)
	_, err := s.fleet.Poll(t.Context())
	s.Expect(err).To(HaveOccurred())
	s.remote.sent()

	other := newRemote("a", "b")
	s.fleet.Use(other)
	s.Expect(s.fleet.Failure()).NotTo(HaveOccurred(), "what went wrong with the old one counts no more")
	s.Expect(s.fleet.PollIn(time.Hour)).To(BeZero(), "whether the new one works is found out at once")
	other.fail("list", errReset)
	_, err = s.fleet.Poll(t.Context())
	s.Expect(err).To(HaveOccurred())
	s.Expect(s.fleet.PollIn(time.Hour)).To(Equal(time.Second), "it is its first failure")
	s.fleet.Use(other)
	s.Expect(s.fleet.Failure()).To(toldAs(errReset), "an outage is the account's")
	s.Expect(s.presence("a")).To(Equal(fleet.Present))
	s.Expect(s.fleet.Owned("a")).To(BeTrue())
	s.Expect(s.poll()).To(ConsistOf("b"))
	s.Expect(s.activate("a")).To(Succeed())
	s.Expect(s.remote.sent()).To(BeEmpty())
	s.Expect(other.sent()).To(Equal([]string{"list", "list", "update a"}))
}

func TestAPollOfAReplacedClientIsDiscarded(t *testing.T) {
	for name, answer := range map[string]error{"the poll succeeds": nil, "the poll fails": errUnauthorized, "the poll is throttled": errLimited} {
		t.Run(name, func(t *testing.T) {
			s := newListedScene(t, "a")
			s.fleet.Await("waiting", s.fleet.ListCount())
			heard := s.fleet.ListCount()
			s.remote.remove("a")
			other := newRemote("a")
			s.remote.afterNext("list", func() error {
				s.fleet.Use(other)
				return answer
			})
			changes, err := s.fleet.Poll(t.Context())
			s.Expect(err).To(MatchError(ContainSubstring("replaced")))
			s.Expect(changes).To(BeZero())
			s.Expect(s.presence("a")).To(Equal(fleet.Present))
			s.Expect(s.fleet.Failure()).NotTo(HaveOccurred())
			s.Expect(s.fleet.ListCount()).To(Equal(heard))
			s.Expect(s.fleet.PollIn(time.Hour)).To(BeZero())

			changes, err = s.fleet.Poll(t.Context())
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(changes.Waiting).To(ConsistOf("waiting"))
		})
	}
}

func TestTheFirstListOfAReplacedClientDoesNotCount(t *testing.T) {
	s := newScene(t, "a")
	s.remote.afterNext("list", func() error {
		s.fleet.Use(newRemote())
		return nil
	})
	_, err := s.fleet.Poll(t.Context())
	s.Expect(err).To(HaveOccurred())
	s.Expect(s.fleet.Synced()).To(BeFalse())
	s.Expect(s.presence("a")).To(Equal(fleet.Unseen))
}
