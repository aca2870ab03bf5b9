package simtest

import (
	"fmt"
	"time"
)

// what becomes of a process at a point; nothing when it is empty.
type what string

const (
	// die: the process is gone, with all that it remembers.
	die what = "dies"
	// sendAndDie: its request is on the way, and carried out some time after the process died.
	sendAndDie what = "sends and dies"
	// lose: before a call, it is lost; after it, its answer is.
	lose what = "loses the connection"
	// freeze: the process is stopped for a while, and deposed meanwhile.
	freeze what = "is stopped"
	// disturb: a request is carried out late, or a proxy answers it.
	disturb what = "is disturbed"
	// holdBack: the watch event of that number, not a point, and all after it, come late.
	holdBack what = "sees late the change"
	// startBehind: the cache of the process lacks so many changes at first, and sees them late.
	startBehind what = "starts with a cache that is behind"
	// meet: another actor does something at this moment.
	meet what = "meets another actor"
)

// disruption is what happens to a process at one of its points.
type disruption struct {
	point int
	// every is the name of all the points that are meant, instead of one.
	every string
	what  what
	// late is how long after it should a request is carried out.
	late time.Duration
	// slow is how much later its answer comes.
	slow time.Duration
	// never: it is not carried out at all.
	never bool
	// frozen is how long the process is stopped.
	frozen time.Duration
	// notices reports whether a stopped process knows at once that it was deposed, and deaf whether it finds the time over
	// rather than the answer there.
	notices, deaf bool
	// gap is how long after its end, or its stop, the next process starts.
	gap time.Duration
	// meets is what another actor does.
	meets func(*simulation)
	// reply is what a proxy answers instead of the platform.
	reply reply
}

func (f disruption) String() string {
	text := fmt.Sprintf("%s at %d", f.what, f.point)
	if f.late > 0 {
		text += fmt.Sprintf(", carried out %s later", f.late)
	}
	if f.slow > 0 {
		text += fmt.Sprintf(", answered %s later", f.slow)
	}
	if f.never {
		text += ", not carried out"
	}
	if f.frozen > 0 {
		text += fmt.Sprintf(", for %s", f.frozen)
	}
	if f.notices {
		text += ", and notices"
	}
	if f.deaf {
		text += ", and finds the time over"
	}
	if f.reply.name != "" {
		text += ", " + f.reply.name
	}
	return text
}

// count makes the process count its points from now on.
func (p *process) count() { p.counted = time.Now().Add(countedFor) }

func (p *process) counting() bool { return time.Now().Before(p.counted) }

// disrupted returns what is meant to happen, of a kind that has numbers of its own; with number 0 the only one of the
// kind.
func (p *process) disrupted(what what, number int) disruption {
	for _, f := range p.faults {
		if f.what == what && (number == 0 || f.point == number) {
			return f
		}
	}
	return disruption{}
}

// pass counts a point and lets happen what is meant to happen there. It returns what the caller has to play.
func (p *process) pass(name string) disruption {
	if !p.counting() {
		return disruption{}
	}
	p.trace = append(p.trace, name)
	var played disruption
	for _, f := range p.faults {
		if !f.means(len(p.trace), name) {
			continue
		}
		switch f.what {
		case die:
			p.die(f)
		case freeze:
			p.freeze(f)
			played = f
		case meet:
			f.meets(p.simulation)
		default:
			played = f
		}
	}
	return played
}

// means reports whether a disruption is about a point. Those about watch events have numbers of their own.
func (f disruption) means(point int, name string) bool {
	switch {
	case f.what == holdBack || f.what == startBehind:
		return false
	case f.every != "":
		return f.every == name
	}
	return f.point == point
}

// freeze stops the process for a while. Another one takes over, and when this one goes on, it ends what it has begun,
// unless it notices in time that it was deposed.
func (p *process) freeze(f disruption) {
	p.frozen, p.deposed = time.Now().Add(f.frozen), true
	p.simulation.succeed(f.gap)
	p.simulation.running.sleep(f.frozen)
	if f.notices {
		p.end()
	}
}
