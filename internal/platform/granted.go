package platform

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// smallTierHour is the limit of an hour of the smallest subscriptions, which have AssumedPerMinute as well, and
	// largeTierMinute that of a minute of the others (developer.bentley.com/apis/overview/rate-limits).
	smallTierHour, largeTierMinute = 5_000, 5_000
	// maxGranted bounds what is believed of a number of remaining calls.
	maxGranted = 1_000_000

	// sampleEvery lies between two answers that are remembered, and sampleKept is for how long.
	sampleEvery, sampleKept = 30 * time.Second, 10 * time.Minute
	// provingCalls are how many calls, each more than a minute old, an answer must have forgotten to show that it counts
	// those of a minute, and forgottenShare is which part of them.
	provingCalls, forgottenShare = 50, 0.5
	// peakKept is for how long the most that answers added up to is remembered at least.
	peakKept = 30 * time.Minute
	// distrust is for how long a number of remaining calls that proved wrong teaches no larger limit; each further time
	// twice as long, a day at most.
	distrust, longestDistrust = time.Hour, 24 * time.Hour
)

var (
	// smallTiers and largeTiers are the names of subscriptions, in lower case, with 500 calls a minute and 5,000 an hour,
	// and with 5,000 a minute.
	smallTiers = []string{"community", "trial"}
	largeTiers = []string{"basic", "standard", "premium", "custom"}
)

// told is what an answer says of the rate limit of its credentials.
type told struct {
	// remaining is how many calls are left before the limit is reached; -1 when the answer does not say.
	remaining int
	// tier is the name of the subscription; "" when the answer does not say.
	tier string
	// exceeded is true of a 429.
	exceeded bool
}

// toldBy reads the headers of an answer. The pages of the platform give the one with the subscription two names.
func toldBy(response *http.Response) told {
	t := told{remaining: -1, exceeded: response.StatusCode == http.StatusTooManyRequests}
	n, err := strconv.ParseUint(strings.TrimSpace(response.Header.Get("iTwinPlatform-RateLimit-RemainingCalls")), 10, 31)
	if err == nil && n < maxGranted {
		t.remaining = int(n)
	}
	t.tier = cut(cmp.Or(response.Header.Get("iTwinPlatform-RateLimited-Tier"), response.Header.Get("iTwinPlatform-Tier")),
		maxTier)
	return t
}

// maxTier bounds the name of a subscription, in bytes.
const maxTier = 40

// sample is a number of remaining calls, and how many calls of ours had ended then.
type sample struct {
	at        time.Time
	remaining int
	ended     int
}

// granted is what the answers of an account have shown of its rate limit. A number of remaining calls is only a lower
// bound of the limit: others may use the same credentials. And the platform does not say whether it speaks of the
// minute or of the hour, so it teaches a larger limit than assumed only when the subscription is known to have one, or
// when the number has recovered within minutes after many calls, as one of the hour would not.
type granted struct {
	tier string
	// most is the largest limit of a minute that the answers have shown; 0 where none can be concluded.
	most int
	// remaining is the last number of remaining calls, and toldAt when an answer had it.
	remaining int
	toldAt    time.Time
	// proven is true when the number of remaining calls is known to be of the minute.
	proven  bool
	samples []sample
	// peak and peakBefore are the most calls, remaining and ours of the last minute, that answers added up to since
	// peakFrom, and in the time before it.
	peak, peakBefore int
	peakFrom         time.Time
	// distrusted is until when nothing larger is concluded, and distrustFor is for how long it was the last time.
	distrusted  time.Time
	distrustFor time.Duration
}

// perHour is the limit of an hour that the subscription is known to have; 0 for none.
func (g *granted) perHour() int {
	if g.isSmall() {
		return smallTierHour
	}
	return 0
}

// ceiling is what no answer of at least half an hour went beyond; 0 when that is not known.
func (g *granted) ceiling() int { return g.peakBefore }

// learn takes over what an answer says, when so many calls of ours count in the last minute, of all that have ended.
func (g *granted) learn(t told, inMinute, ended int, now time.Time) {
	if t.tier != "" {
		g.tier = t.tier
	}
	switch {
	case g.isSmall():
		g.most, g.proven = 0, false
	case t.exceeded && g.proven && g.remaining > provingCalls && now.Sub(g.toldAt) < sampleEvery:
		g.disprove(now)
	}
	if t.remaining < 0 || t.exceeded {
		return
	}
	g.remaining, g.toldAt = t.remaining, now
	g.measure(t.remaining+inMinute, now)
	g.prove(t.remaining, ended-inMinute, now)
	g.note(sample{at: now, remaining: t.remaining, ended: ended}, now)
	if g.proven && !now.Before(g.distrusted) {
		g.most = min(max(g.most, limitBy(t.remaining)), max(g.peak, g.peakBefore))
	}
}

// limitBy is the limit that a number of remaining calls shows. It is not known whether the number has the call already
// that was answered, unless that makes the limit a documented one.
func limitBy(remaining int) int {
	if remaining+1 == largeTierMinute {
		return largeTierMinute
	}
	return remaining
}

// isSmall reports whether the subscription is known to have limits of a minute and of an hour.
func (g *granted) isSmall() bool { return slices.Contains(smallTiers, strings.ToLower(g.tier)) }

// disprove gives up what was concluded from the number of remaining calls: the platform refused a call although it had
// just said that many are left.
func (g *granted) disprove(now time.Time) {
	g.distrustFor = min(max(distrust, 2*g.distrustFor), longestDistrust)
	g.distrusted = now.Add(g.distrustFor)
	g.most, g.proven, g.samples = 0, false, nil
}

// measure notes what remaining calls and those of ours in the last minute add up to.
func (g *granted) measure(sum int, now time.Time) {
	switch {
	case g.peakFrom.IsZero():
		g.peakFrom = now
	case now.Sub(g.peakFrom) > peakKept:
		g.peak, g.peakBefore, g.peakFrom = 0, g.peak, now
	}
	g.peak = max(g.peak, sum)
	if g.peakBefore > 0 {
		g.peakBefore = max(g.peakBefore, g.peak)
	}
}

// prove looks whether an answer has forgotten calls that ended more than a minute before it, old of them in all.
func (g *granted) prove(remaining, old int, now time.Time) {
	if g.isSmall() {
		return
	}
	if slices.Contains(largeTiers, strings.ToLower(g.tier)) {
		g.proven = true
	}
	for _, s := range g.samples {
		made := old - s.ended
		if now.Sub(s.at) > time.Minute && made >= provingCalls &&
			remaining >= s.remaining-int((1-forgottenShare)*float64(made)) {
			g.proven = true
		}
	}
}

// note remembers an answer, unless another one is recent.
func (g *granted) note(s sample, now time.Time) {
	if last := len(g.samples) - 1; last >= 0 && now.Sub(g.samples[last].at) < sampleEvery {
		return
	}
	g.samples = slices.DeleteFunc(append(g.samples, s), func(s sample) bool { return now.Sub(s.at) > sampleKept })
}
