package fleet_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

var errAccepted = &platform.Error{Operation: "update webhook", Status: 204, Outcome: platform.Accepted}

// replaceAnswer lets the next call of an operation take effect, without an answer that says so.
func (s *scene) replaceAnswer(op string, err error) {
	s.remote.afterNext(op, func() error { return err })
}

func TestAcceptedUpdateIsUnknownUntilItIsListed(t *testing.T) {
	s := newListedScene(t, "a", "b")
	list := s.remote.pauseAnswer("list")
	wait := during(func() { s.poll() })
	<-list.arrived
	s.replaceAnswer("update", errAccepted)
	s.Expect(platform.IsAccepted(s.activate("a"))).To(BeTrue())
	s.Expect(s.presence("a")).To(Equal(fleet.Unseen))
	list.release()
	wait()
	s.Expect(s.presence("a")).To(Equal(fleet.Unseen), "that list began earlier")
	s.Expect(s.fleet.Failure()).To(Succeed(), "no other write waits for it")
	s.Expect(s.poll()).To(Equal([]string{"a"}))
	s.Expect(s.active("a")).To(BeTrue())
}

func TestAcceptedUpdateIsKnownOnceItIsRead(t *testing.T) {
	s := newListedScene(t, "a")
	s.replaceAnswer("update", errAccepted)
	s.Expect(s.activate("a")).To(MatchError(errAccepted))
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.active("a")).To(BeTrue())
}

func TestAcceptedDeleteIsMissingUntilItIsConfirmed(t *testing.T) {
	s := newListedScene(t, "a")
	s.replaceAnswer("delete", errAccepted)
	s.Expect(s.deleteRemote("a")).To(MatchError(errAccepted))
	s.Expect(s.presence("a")).To(Equal(fleet.Missing))
	s.Expect(s.confirm("a")).To(Succeed())
	s.Expect(s.presence("a")).To(Equal(fleet.Absent))
	s.poll()
	s.Expect(s.presence("a")).To(Equal(fleet.Gone))
}
