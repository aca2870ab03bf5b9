package simulator

// maxAttempts bounds the attempts that are remembered.
const maxAttempts = 10_000

// attemptLog is the last attempts, in a ring.
type attemptLog struct {
	ring []Attempt
	next int // where the next one goes once the ring is full
}

func (l *attemptLog) add(a Attempt) {
	if len(l.ring) < maxAttempts {
		l.ring = append(l.ring, a)
		return
	}
	l.ring[l.next] = a
	l.next = (l.next + 1) % maxAttempts
}

// list returns the attempts, oldest first.
func (l *attemptLog) list() []Attempt {
	all := make([]Attempt, 0, len(l.ring))
	all = append(all, l.ring[l.next:]...)
	return append(all, l.ring[:l.next]...)
}
