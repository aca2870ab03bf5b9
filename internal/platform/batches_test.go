package platform

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// inBulk lets a thousand callers of a group ask for a change at the same time, for more than the limit has room.
func (e *entrance) inBulk(group string) []Priority {
	all := callers(1000)
	for i := range all {
		all[i].Group, all[i].Edit = group, 1
		e.called(all[i])
	}
	return all
}

// served lets a caller come back when it was told until it is let through, and returns how long that took.
func (e *entrance) served(p Priority) time.Duration {
	begun := e.clock.Now()
	for {
		told, let := e.called(p)
		if let {
			return e.clock.Now().Sub(begun)
		}
		e.clock.SetTime(told)
	}
}

// overtaking is how long a single change may take while a thousand wait.
const overtaking = 10 * time.Second

func TestASingleChangeComesLaterThanABatchItDoesNotWaitBehindIt(t *testing.T) {
	for name, single := range map[string]Priority{
		"of the same group":    {Caller: "single", Group: "a", Edit: 1},
		"of another group":     {Caller: "single", Group: "b", Edit: 1},
		"of one of the batch":  {Caller: callers(1000)[999].Caller, Group: "a", Edit: 2},
		"of one that was done": {Caller: callers(1000)[0].Caller, Group: "a", Edit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntrance(t, Limits{PerMinute: 500, ListEvery: time.Minute})
			all := e.inBulk("a")
			e.pass(20 * time.Second)
			e.Expect(e.served(single)).To(BeNumerically("<", overtaking))
			told, let := e.called(all[998])
			e.Expect(let).To(BeFalse())
			e.Expect(told.Sub(start)).To(BeNumerically(">", time.Minute), "the batch waits")
		})
	}
}

func TestTheSameChangeIsAskedForAgainItKeepsItsPlace(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	last := e.inBulk("a")[999]
	told, _ := e.called(last)
	e.pass(20 * time.Second)
	again, let := e.called(last)
	e.Expect(let).To(BeFalse())
	e.Expect(again).To(Equal(told))
}

func TestABatchGoesOnWhileItsCallersComeInOneGo(t *testing.T) {
	e := newEntrance(t, Limits{PerMinute: 500})
	e.inBulk("a")
	for i := range 10 {
		e.pass(batchGap)
		told, let := e.called(Priority{Caller: fmt.Sprint("next", i), Group: "a"})
		e.Expect(let).To(BeFalse())
		e.Expect(told.Sub(start)).To(BeNumerically(">", time.Minute))
	}
}

// A group has no more turns for having changed things at several times.
func TestBatchesShareTheTurnsOfTheirGroup(t *testing.T) {
	g := NewWithT(t)
	var l lines
	for batch := range 3 {
		l.place("a", batch, 100, 1)
	}
	b := l.place("b", 9, 100, 1)
	g.Expect(l.place("b", 9, 100, 1)-b).To(BeEquivalentTo(2), "of two groups")
	a := l.place("a", 1, 100, 1)
	g.Expect(l.place("a", 1, 100, 1)-a).To(BeEquivalentTo(6), "of two groups, and three batches")
	g.Expect(l.waiting("a", 101)).To(Equal(1), "two had only the position that was served")
}

func TestManyBatchesWaitFurtherCallersJoinTheNewest(t *testing.T) {
	g := NewWithT(t)
	var q queue
	now := start
	at := line{now: now, next: 1, distance: 100, share: 1, at: func(float64) time.Time { return start.Add(time.Hour) }}
	for i := range 3 * maxBatches {
		q.place(Priority{Caller: fmt.Sprint(i), Group: "a"}, at)
		at.now = at.now.Add(2 * batchGap)
	}
	g.Expect(q.first["a"]).To(HaveLen(maxBatches))
}
