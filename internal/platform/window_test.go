package platform

import (
	"testing"
	"time"
	"unsafe"

	. "github.com/onsi/gomega"
)

// stepped is a time at which the wall clock was set, and the monotonic clock was not.
func stepped(at time.Time, wall time.Duration) time.Time {
	inner := (*struct {
		wall uint64 // from bit 30 on, seconds
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&at))
	inner.wall += uint64(int64(wall/time.Second)) << 30
	return at
}

func TestTheWallClockIsSetForwardAWindowForgetsNothing(t *testing.T) {
	g, w, now := NewWithT(t), window{period: time.Minute}, time.Now()
	for range 500 {
		w.begin()
		w.end(Urgent, now)
	}
	later := stepped(now.Add(time.Second), 2*time.Minute)
	g.Expect(later.Sub(now)).To(Equal(time.Second))
	g.Expect(later.Round(0).Sub(now.Round(0))).To(Equal(2*time.Minute + time.Second))
	g.Expect(w.count(later)).To(Equal(500))
	g.Expect(w.count(later.Add(2 * time.Minute))).To(BeZero())
}

func TestTheWallClockIsSetBackAWindowForgetsAsBefore(t *testing.T) {
	g, w, now := NewWithT(t), window{period: time.Minute}, time.Now()
	w.begin()
	w.end(Urgent, now)
	for i := range 400 {
		w.begin()
		w.end(Urgent, stepped(now.Add(time.Duration(i)*6*time.Second), -time.Hour))
	}
	g.Expect(w.count(stepped(now.Add(40*time.Minute), -time.Hour))).To(BeNumerically("<=", 11))
}
