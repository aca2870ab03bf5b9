package platform

import (
	"maps"
	"time"
)

// groupQueue hands out different positions to the callers that must come back.
type groupQueue struct{ last float64 }

// place returns the position after the last one, at some distance, or the next one that is left.
func (g *groupQueue) place(next, distance float64) float64 {
	g.last = max(g.last+distance, next)
	return g.last
}

// queue is the line of one class. Positions in it are numbers that grow: those of slots within a rate limit, or times.
// A caller that comes for the first time stands behind all others of its group; groups take turns. A caller that came in
// vain at the time that it was told stands before them.
type queue struct {
	// groups are the lines of the groups that have positions ahead, and overdue those of the callers that came in vain:
	// one of all groups together, or of each, where groups are apart.
	groups, overdue groupQueues
	apart           bool
	// kept are the times that callers were told; room is for how many there is place before the forgotten are dropped.
	kept map[string]time.Time
	room int
}

const (
	// longWait is for how long a caller waits in a line before it looks whether those before it have gone.
	longWait = 5 * time.Minute
	// forgotten is how long after its time a caller that never came is dropped at the earliest.
	forgotten = 2 * longWait
	minRoom   = 100
)

// line says where a queue stands, and what its positions mean.
type line struct {
	now time.Time
	// next is the first position that is left.
	next float64
	// distance lies between two callers of a class that has all positions, and share is which part of them the class has.
	distance, share float64
	// at is when a caller at a position may come.
	at func(position float64) time.Time
}

// place returns when a caller may come back. One that asks before its time is told the same again: whatever made it ask,
// there is one place for it, not two. Positions are handed out as densely as the class's share of them allows, and the
// group's among those that wait; a caller that came in vain may take any position.
func (q *queue) place(t Priority, l line) (at time.Time) {
	told, waits := q.kept[t.Caller]
	switch {
	case waits && !told.Before(l.at(l.next)):
		return told
	case waits:
		group := ""
		if q.apart {
			group = t.Group
		}
		at = l.at(q.overdue.of(group, l.next).place(l.next, l.distance*float64(len(q.overdue))))
	default:
		group := q.groups.of(t.Group, l.next)
		at = l.at(group.place(l.next, l.distance*float64(len(q.groups))/l.share))
	}
	if t.Caller != "" {
		q.keep(t.Caller, at, l.now)
	}
	return at
}

// groupQueues are those of the groups.
type groupQueues map[string]*groupQueue

// of returns the line of a group, and drops those of groups that nothing waits in.
func (l *groupQueues) of(name string, next float64) *groupQueue {
	maps.DeleteFunc(*l, func(other string, l *groupQueue) bool { return other != name && l.last < next })
	if *l == nil {
		*l = groupQueues{}
	}
	if (*l)[name] == nil {
		(*l)[name] = &groupQueue{}
	}
	return (*l)[name]
}

// early reports whether a caller was told to come later, or would be now because others of its group have positions
// after the one that is served.
func (q *queue) early(t Priority, now time.Time, served float64) bool {
	if told, waits := q.kept[t.Caller]; waits {
		return told.After(now)
	}
	group := q.groups[t.Group]
	return t.Caller != "" && group != nil && group.last > served
}

func (q *queue) keep(caller string, at, now time.Time) {
	if len(q.kept) >= q.room {
		maps.DeleteFunc(q.kept, func(_ string, told time.Time) bool { return now.Sub(told) > forgotten })
		q.room = max(2*len(q.kept), minRoom)
	}
	if q.kept == nil {
		q.kept = map[string]time.Time{}
	}
	q.kept[caller] = at
}
