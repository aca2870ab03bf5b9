package platform

import (
	"maps"
	"time"
)

// groupQueue hands out different times to the callers that must come back, at the pace at which slots become free, so
// that they do not all return at once.
type groupQueue struct{ last time.Time }

func (l *groupQueue) place(earliest time.Time, spacing time.Duration) time.Time {
	if next := l.last.Add(spacing); next.After(earliest) {
		earliest = next
	}
	l.last = earliest
	return earliest
}

// queue is the line of one class. A caller that comes for the first time stands behind all others of its group; groups
// take turns. A caller that came in vain at the time that it was told stands before them.
type queue struct {
	// groups are the lines of the groups that have slots in the future, and overdue those of the callers that came in
	// vain: one of all groups together, or of each, where groups are apart.
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

// place returns when a caller may come back, not before earliest. One that asks before its time is told the same again:
// whatever made it ask, there is one place for it, not two. Slots are handed out at the pace that the class's share of
// them allows, and the group's among those that wait; a caller that came in vain may take any place.
func (q *queue) place(t Priority, now, earliest time.Time, spacing time.Duration, share float64) (at time.Time) {
	told, waits := q.kept[t.Caller]
	switch {
	case waits && !told.Before(earliest):
		return told
	case waits:
		group := ""
		if q.apart {
			group = t.Group
		}
		at = q.overdue.of(group, now).place(earliest, spacing*time.Duration(len(q.overdue)))
	default:
		group := q.groups.of(t.Group, now)
		at = group.place(earliest, time.Duration(float64(spacing)*float64(len(q.groups))/share))
	}
	if t.Caller != "" {
		q.keep(t.Caller, at, now)
	}
	return at
}

// groupQueues are those of the groups.
type groupQueues map[string]*groupQueue

// of returns the line of a group, and drops those of groups that nothing waits in.
func (l *groupQueues) of(name string, now time.Time) *groupQueue {
	maps.DeleteFunc(*l, func(other string, l *groupQueue) bool { return other != name && !l.last.After(now) })
	if *l == nil {
		*l = groupQueues{}
	}
	if (*l)[name] == nil {
		(*l)[name] = &groupQueue{}
	}
	return (*l)[name]
}

// early reports whether a caller was told to come later, or would be now because others of its group wait.
func (q *queue) early(t Priority, now time.Time) bool {
	if told, waits := q.kept[t.Caller]; waits {
		return told.After(now)
	}
	group := q.groups[t.Group]
	return t.Caller != "" && group != nil && group.last.After(now)
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
