package signature_test

import (
	"errors"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/signature"
)

func nothing() error { return nil }

func TestOnceProcessesAnEventOnce(t *testing.T) {
	g := NewWithT(t)
	var once signature.Once
	calls := 0
	for i, want := range []bool{true, false, false} {
		processed, err := once.Do("a", func() error { calls++; return nil })
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(processed).To(Equal(want), strconv.Itoa(i))
	}
	g.Expect(calls).To(Equal(1))
}

func TestOnceProcessesAgainWhatFailed(t *testing.T) {
	g := NewWithT(t)
	var once signature.Once
	failure := errors.New("the database is gone")
	processed, err := once.Do("a", func() error { return failure })
	g.Expect(processed).To(BeTrue())
	g.Expect(err).To(MatchError(failure))

	g.Expect(func() { _, _ = once.Do("a", func() error { panic("a mistake") }) }).To(PanicWith("a mistake"))

	g.Expect(once.Do("a", nothing)).To(BeTrue())
	g.Expect(once.Do("a", nothing)).To(BeFalse())
}

func TestOnceRefusesAnEventThatIsBeingProcessed(t *testing.T) {
	g := NewWithT(t)
	var once signature.Once
	begun, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = once.Do("a", func() error { close(begun); <-end; return nil })
	}()
	<-begun
	processed, err := once.Do("a", nothing)
	g.Expect(processed).To(BeFalse())
	g.Expect(err).To(MatchError(signature.ErrInProgress), "it may still fail, so it must be delivered again")
	g.Expect(once.Do("b", nothing)).To(BeTrue(), "another event does not wait")

	close(end)
	<-ended
	g.Expect(once.Do("a", nothing)).To(BeFalse())
}

func TestOnceRemembersTheLastEvents(t *testing.T) {
	g := NewWithT(t)
	once := signature.Once{Remembered: 3}
	for _, id := range []string{"a", "b", "c", "d"} {
		g.Expect(once.Do(id, nothing)).To(BeTrue())
	}
	for id, want := range map[string]bool{"b": false, "c": false, "d": false} {
		g.Expect(once.Do(id, nothing)).To(Equal(want), id)
	}
	g.Expect(once.Do("a", nothing)).To(BeTrue(), "it is forgotten")
	g.Expect(once.Do("b", nothing)).To(BeTrue(), "it was the oldest")
	g.Expect(once.Do("d", nothing)).To(BeFalse())
}

func TestOnceCannotTellEventsWithoutIDApart(t *testing.T) {
	g := NewWithT(t)
	var once signature.Once
	g.Expect(once.Do("", nothing)).To(BeTrue())
	g.Expect(once.Do("", nothing)).To(BeTrue())
}
