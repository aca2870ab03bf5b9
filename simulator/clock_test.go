package simulator

import (
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

func TestClock(t *testing.T) {
	begin := time.Date(2026, time.March, 1, 18, 25, 39, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		c := newClock(begin, 60)
		time.Sleep(time.Second)
		g.Expect(c.now()).To(Equal(begin.Add(time.Minute)), "a minute in a second")
		g.Expect(c.realUntil(begin.Add(3 * time.Minute))).To(BeNumerically("~", 2*time.Second, time.Millisecond))
		g.Expect(c.realUntil(begin)).To(BeZero())

		c.hold()
		time.Sleep(time.Hour)
		g.Expect(c.now()).To(Equal(begin.Add(time.Minute)), "it is held")
		c.moveTo(begin.Add(time.Hour))
		c.moveTo(begin)
		g.Expect(c.now()).To(Equal(begin.Add(time.Hour)), "it goes forward only")
		c.release()
		time.Sleep(time.Second)
		g.Expect(c.now()).To(Equal(begin.Add(time.Hour + time.Minute)))

		c.moveTo(endOfTime.Add(time.Hour))
		time.Sleep(time.Hour)
		g.Expect(c.now()).To(Equal(endOfTime))

		stopped := newClock(begin, 0)
		time.Sleep(time.Hour)
		g.Expect(stopped.now()).To(Equal(begin))
		g.Expect(stopped.realUntil(begin.Add(time.Second))).To(BeNumerically("<", 0), "never by itself")
	})
}

// Tasks run at their own times and in their order, those that are planned on the way as well.
func TestSchedulerAdvance(t *testing.T) {
	g := NewWithT(t)
	begin := time.Date(2026, time.March, 1, 18, 25, 39, 0, time.UTC)
	c := newClock(begin, 0)
	s := newScheduler(c)
	var ran []string
	note := func(name string) func() {
		return func() { ran = append(ran, name+" "+c.now().Sub(begin).String()) }
	}
	s.at(begin.Add(2*time.Hour), note("second"))
	s.at(begin.Add(time.Hour), func() {
		note("first")()
		s.at(begin.Add(90*time.Minute), note("between"))
	})
	s.at(begin.Add(2*time.Hour), note("third"))
	s.at(begin.Add(4*time.Hour), note("later"))
	s.cancel(s.at(begin.Add(time.Hour), note("never")))
	settled := 0

	now := s.advance(3*time.Hour, func() { settled++ })

	g.Expect(now).To(Equal(begin.Add(3 * time.Hour)))
	g.Expect(ran).To(Equal([]string{"first 1h0m0s", "between 1h30m0s", "second 2h0m0s", "third 2h0m0s"}))
	g.Expect(settled).To(Equal(4), "at the begin and at each of three times")
}
