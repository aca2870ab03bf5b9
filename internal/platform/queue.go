package platform

import (
	"maps"
	"time"
)

// queue is the line of one class. Positions in it are numbers that grow: those of slots within a rate limit, or times.
// Groups take turns, and so do the batches of a group: what comes in one go, such as a change of a thousand Webhooks,
// does not delay a single change that comes later. Within its batch, a caller that comes for the first time stands
// behind all others. One that came at the time that it was told, and was refused again, stands before those that come
// for the first time.
type queue struct {
	// first are the lines of those that came for the first time, and again of those that were refused again.
	first, again lines
	// arrivals are the newest batches of the groups, and batches is how many there were in all.
	arrivals map[string]arrival
	batches  int
	// whole is true where all of a group are one batch.
	whole bool
	// kept are the times that callers were told; room is for how many there is place before the forgotten are dropped.
	kept map[string]appointment
	room int
	// refusedAgain are those that were, and when they come next.
	refusedAgain map[string]time.Time
}

// arrival is the newest batch of a group, and when the last caller came that belongs to it.
type arrival struct {
	batch int
	at    time.Time
}

// appointment is when a caller may come, with which batch it came, and what it asked for then.
type appointment struct {
	at    time.Time
	batch int
	edit  int64
}

const (
	// batchGap is how long after the last one of a batch another caller begins a new batch.
	batchGap = 2 * time.Second
	// maxBatches is how many batches of a group may wait before further callers join the newest.
	maxBatches = 8
)

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

// place returns when a caller may come back. One that asks before its time is told the same again: whatever made it
// ask, there is one place for it, not two. One that asks for something newer comes for the first time, unless it was
// told an earlier time. Positions are handed out as densely as the class's share of them allows, and the batch's among
// those that wait; a caller that was refused again may take any position.
func (q *queue) place(t Priority, l line) (at time.Time) {
	told, waits := q.kept[t.Caller]
	ahead := waits && !told.at.Before(l.at(l.next))
	switch {
	case ahead && told.edit == t.Edit:
		return told.at
	case waits && told.edit == t.Edit:
		told.at = l.at(q.again.place(t.Group, told.batch, l.next, l.distance))
		q.noteRefusedAgain(t.Caller, told.at, l.now)
	default:
		batch := q.batchOf(t.Group, l)
		at := l.at(q.first.place(t.Group, batch, l.next, l.distance/l.share))
		if !ahead || at.Before(told.at) {
			told = appointment{at: at, batch: batch}
		}
		told.edit = t.Edit
	}
	if t.Caller != "" {
		q.keep(t.Caller, told, l.now)
	}
	return told.at
}

// batchOf is the batch that a caller of a group joins, or begins, now.
func (q *queue) batchOf(group string, l line) int {
	if q.whole {
		return 0
	}
	newest, known := q.arrivals[group]
	if !known || q.begins(group, newest, l.now, l.next) {
		q.batches++
		newest.batch = q.batches
	}
	if newest.at = l.now; q.arrivals == nil {
		q.arrivals = map[string]arrival{}
	}
	maps.DeleteFunc(q.arrivals, func(group string, a arrival) bool {
		return l.now.Sub(a.at) > batchGap && q.first.waiting(group, l.next) == 0
	})
	q.arrivals[group] = newest
	return newest.batch
}

// begins reports whether a caller of a group that comes now begins a new batch.
func (q *queue) begins(group string, newest arrival, now time.Time, next float64) bool {
	return now.Sub(newest.at) > batchGap && q.first.waiting(group, next) < maxBatches
}

// early reports whether a caller was told to come later, or would be now because others of its batch have positions
// after the one that is served.
func (q *queue) early(t Priority, now time.Time, served float64) bool {
	told, waits := q.kept[t.Caller]
	if waits && (told.edit == t.Edit || !told.at.After(now)) {
		return told.at.After(now)
	}
	newest, known := q.arrivals[t.Group]
	if t.Caller == "" || !q.whole && (!known || q.begins(t.Group, newest, now, served)) {
		return false
	}
	return q.first[t.Group][newest.batch] > served
}

// noteRefusedAgain notes when a caller comes that was refused at the time that it was told.
func (q *queue) noteRefusedAgain(caller string, comes, now time.Time) {
	maps.DeleteFunc(q.refusedAgain, func(_ string, comes time.Time) bool { return now.Sub(comes) > comesWithin })
	if q.refusedAgain == nil {
		q.refusedAgain = map[string]time.Time{}
	}
	q.refusedAgain[caller] = comes
}

// comeSoon is how many of those that were refused again come within a moment, where a caller is none of them.
func (q *queue) comeSoon(caller string, now time.Time) (calls int) {
	if _, refused := q.refusedAgain[caller]; refused {
		return 0
	}
	for _, comes := range q.refusedAgain {
		if comes.Sub(now).Abs() < comesWithin {
			calls++
		}
	}
	return calls
}

// served notes that a caller waits no longer.
func (q *queue) served(caller string) {
	delete(q.kept, caller)
	delete(q.refusedAgain, caller)
}

func (q *queue) keep(caller string, told appointment, now time.Time) {
	if len(q.kept) >= q.room {
		maps.DeleteFunc(q.kept, func(_ string, told appointment) bool { return now.Sub(told.at) > forgotten })
		q.room = max(2*len(q.kept), minRoom)
	}
	if q.kept == nil {
		q.kept = map[string]appointment{}
	}
	q.kept[caller] = told
}

// lines are the last positions that were handed out to each batch, by group.
type lines map[string]map[int]float64

// place hands out the position after the last one of a batch, at such a distance that all groups that wait take turns,
// and the batches of the group in its turns; or the next one that is left.
func (l *lines) place(group string, batch int, next, distance float64) float64 {
	last := (*l)[group][batch]
	for name := range *l {
		if l.waiting(name, next) == 0 {
			delete(*l, name)
		}
	}
	if *l == nil {
		*l = lines{}
	}
	if (*l)[group] == nil {
		(*l)[group] = map[int]float64{}
	}
	batches := (*l)[group]
	batches[batch] = last
	batches[batch] = max(last+distance*float64(len(*l)*len(batches)), next)
	return batches[batch]
}

// waiting is how many batches of a group have positions ahead. It drops the others.
func (l *lines) waiting(group string, next float64) int {
	maps.DeleteFunc((*l)[group], func(_ int, last float64) bool { return last < next })
	return len((*l)[group])
}
