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

	// peakKept is for how long the most that answers added up to is remembered at least, and for how long what they have
	// shown holds after the last one with a number of remaining calls.
	peakKept = 30 * time.Minute
	// leastPerMinute is what a number of remaining calls leaves of a limit, if the platform has refused nothing for
	// usedUpFor although no answer left more.
	leastPerMinute, usedUpFor = 10, 10 * time.Minute

	// manyLeft are so many remaining calls that a refusal within promptly of them shows that the number is wrong.
	manyLeft, promptly = 50, 30 * time.Second
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

// rateHeaders are what an answer says of the rate limit of its credentials.
type rateHeaders struct {
	// remaining is how many calls are left before the limit is reached; -1 when the answer does not say.
	remaining int
	// tier is the name of the subscription; "" when the answer does not say.
	tier string
	// exceeded is true of a 429.
	exceeded bool
}

// rateHeadersOf reads the headers of an answer. The pages of the platform give the one with the subscription two names.
func rateHeadersOf(response *http.Response) rateHeaders {
	t := rateHeaders{remaining: -1, exceeded: response.StatusCode == http.StatusTooManyRequests}
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

// granted is what the answers of an account have shown of its rate limit. A number of remaining calls is only a lower
// bound of the limit: others may use the same credentials. And the platform does not say whether it speaks of the
// minute or of the hour: so it teaches a larger limit than assumed only where the subscription is named and known to
// have one. Anything else that it may mean only lowers the limit, or leaves room for others.
type granted struct {
	tier string
	// most is the largest limit of a minute that the answers have shown; 0 where none can be concluded.
	most int
	// remaining is the last number of remaining calls, and toldAt when an answer had it.
	remaining int
	toldAt    time.Time
	// peak and peakBefore are the most calls, remaining and ours of the last minute, that answers added up to since
	// peakFrom, and in the time before it.
	peak, peakBefore int
	peakFrom         time.Time
	// usedUpSince is since when no answer left more than leastPerMinute, and none was a refusal; zero while one did.
	usedUpSince time.Time
	// distrusted is until when nothing larger is concluded, and distrustFor is for how long it was the last time.
	distrusted  time.Time
	distrustFor time.Duration
}

// perHour is the limit of an hour that the subscription is known to have; 0 for none.
func (g *granted) perHour() int {
	if named(g.tier, smallTiers) {
		return smallTierHour
	}
	return 0
}

// ceiling is what no answer of at least half an hour went beyond, and leastPerMinute at least; 0 when it is not known.
func (g *granted) ceiling() int {
	if g.peakBefore == 0 {
		return 0
	}
	return max(g.peakBefore, leastPerMinute)
}

// least is how many calls a minute are left to the operator whatever the answers say now.
func (g *granted) least(now time.Time) int {
	if g.usedUpSince.IsZero() || now.Sub(g.usedUpSince) < usedUpFor {
		return 0
	}
	return leastPerMinute
}

// learn takes over what an answer says. In the last minute the platform has counted certain calls of ours, and perhaps
// as many as inMinute.
func (g *granted) learn(t rateHeaders, certain, inMinute int, now time.Time) {
	if t.tier != "" {
		g.tier = t.tier
	}
	switch {
	case t.exceeded:
		g.refuse(now)
	case t.remaining >= 0:
		g.measure(t.remaining+inMinute, now)
		g.remaining, g.toldAt = t.remaining, now
		if t.remaining+certain > leastPerMinute {
			g.usedUpSince = time.Time{}
		} else if g.usedUpSince.IsZero() {
			g.usedUpSince = now
		}
	case now.Sub(g.toldAt) > peakKept:
		g.forget()
	}
	switch {
	case !named(g.tier, largeTiers):
		g.most = 0
	case t.remaining >= 0 && !t.exceeded && !now.Before(g.distrusted):
		g.most = max(g.most, limitShownBy(t.remaining))
	}
}

// limitShownBy is the limit that a number of remaining calls of a larger subscription shows. It is not known whether
// the number has the call already that was answered, unless that makes the limit the documented one, the largest one.
func limitShownBy(remaining int) int {
	if remaining+1 >= largeTierMinute {
		return largeTierMinute
	}
	return remaining
}

// named reports whether a subscription is one of those with the names, whatever their case.
func named(tier string, names []string) bool { return slices.Contains(names, strings.ToLower(tier)) }

// refuse notes that the platform refused a call. If it has just said that many are left, nothing larger is concluded
// from the number for a while.
func (g *granted) refuse(now time.Time) {
	g.usedUpSince = time.Time{}
	if g.most == 0 || g.remaining <= manyLeft || now.Sub(g.toldAt) >= promptly {
		return
	}
	g.distrustFor = min(max(distrust, 2*g.distrustFor), longestDistrust)
	g.distrusted = now.Add(g.distrustFor)
	g.most = 0
}

// forget gives up what the answers have shown: they no longer show it.
func (g *granted) forget() {
	g.most, g.peak, g.peakBefore = 0, 0, 0
	g.peakFrom, g.usedUpSince = time.Time{}, time.Time{}
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
