package controllers

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// sameURL reports whether two callbacks are the same by RFC 3986, section 6.2.2. The platform may spell one in another
// way than it was given.
func sameURL(a, b string) bool { return a == b || canonicalURL(a) == canonicalURL(b) }

// canonicalURL is the one spelling of a callback that all comparisons use. What is no URL stays as it is.
func canonicalURL(text string) string {
	if u, ok := platform.NormalURL(text); ok {
		return u.String()
	}
	return text
}

// spelling is how the platform spells a callback, beyond what RFC 3986 calls the same: a slash more or less at the end,
// for example. It is learned from the answers to the operator's own writes alone.
type spelling struct{ sent, answered string }

// spellingOf is what the status says.
func spellingOf(s *v1alpha1.WebhookStatus) spelling {
	if s.SentCallbackURL == "" {
		return spelling{}
	}
	return spelling{sent: s.SentCallbackURL, answered: s.CallbackURL}
}

// sameCallback reports whether the callback of a remote webhook is that of the spec. It is the only such comparison:
// for drift, adoption, and the answer to an update.
func (f *facts) sameCallback(callback string) bool {
	wanted := f.webhook.Spec.CallbackURL
	return sameURL(wanted, callback) ||
		f.spelling.sent != "" && sameURL(f.spelling.sent, wanted) && sameURL(f.spelling.answered, callback)
}

// maxCallback bounds the callback of the platform that a status keeps. A spec has at most 2048 characters.
const maxCallback = 4096

// earlier are the callbacks that a remote webhook had before the spec's was sent: had for certain, or may have had,
// because a process before this one may have sent the spec's already.
type earlier struct {
	had []string
	may string
}

// maxEarlier bounds how many callbacks are remembered of updates whose outcome is not known.
const maxEarlier = 8

func (e earlier) includes(callback string) bool {
	return slices.ContainsFunc(e.had, func(had string) bool { return sameURL(had, callback) })
}

// learnSpelling takes over how the platform spelled the callback of the spec when it answered an update that sent it.
// The answer must be on the same host. One that only repeats what the remote webhook had before, under another spec, is
// no spelling of this one, unless the two differ in letter case, encoding or the like alone.
func (f *facts) learnSpelling(before earlier, answered string) {
	sent := f.webhook.Spec.CallbackURL
	switch {
	case sameURL(sent, answered):
		f.spelling = spelling{}
	case platform.MarkOf(answered) != "" || len(answered) > maxCallback || !sameHost(sent, answered) ||
		f.sameCallback(answered):
	case !alike(sent, answered) && (len(before.had) == 0 || before.includes(answered)):
	case !alike(sent, answered) && sameURL(before.may, answered) && !extends(sent, answered):
	default:
		f.spelling = spelling{sent: sent, answered: answered}
	}
}

// callbackBefore is what the remote webhook had before the spec's callback was first sent to it. Of an edit that is
// waiting it is what the status says: a process before this one may have sent it. What changed though nothing was
// changed since the operator's last write is how the platform spells now what the status says.
func (f *facts) callbackBefore() earlier {
	reported, remote := f.webhook.Status.CallbackURL, ""
	if f.presence == fleet.Present {
		remote = f.remote.CallbackURL
	}
	switch {
	case f.createdUnreported() && f.webhook.Spec.WebhookID == "":
		return earlier{had: []string{f.markedCallback()}, may: remote}
	case f.described() && reported != "" && (f.pending() || f.unchangedSinceWrite()):
		return earlier{had: []string{reported}, may: remote}
	case remote != "":
		return earlier{had: []string{remote}}
	}
	return earlier{}
}

// markedCallback is what a create sends.
func (f *facts) markedCallback() string {
	return platform.Mark(f.webhook.Spec.CallbackURL, markOf(f.webhook))
}

// unchangedSinceWrite reports whether the remote webhook is as the operator's last write left it, by the time of the
// platform.
func (f *facts) unchangedSinceWrite() bool {
	known, seen := f.webhook.Status.Modified, platformTime(f.remote.Modified)
	return f.described() && f.presence == fleet.Present && f.restless != fleet.Restless && known != nil && seen != nil &&
		sameTime(known, f.remote.Modified)
}

// sameHost reports whether two callbacks go to the same scheme, host and port, without a user. An IPv6 address has
// several spellings.
func sameHost(a, b string) bool {
	normalA, okA := platform.NormalURL(a)
	normalB, okB := platform.NormalURL(b)
	return okA && okB && normalA.User == nil && normalB.User == nil && normalA.Scheme == normalB.Scheme &&
		hostOf(normalA) == hostOf(normalB)
}

// hostOf is the one spelling of the host and port of a URL in its normal form.
func hostOf(u *url.URL) string {
	if address, err := netip.ParseAddr(u.Hostname()); err == nil {
		return address.String() + " " + u.Port()
	}
	return u.Host
}

// alike reports whether two callbacks differ at most in letter case, percent-encoding, slashes at the end of the path,
// and the order of the query: differences that are likely spellings, not edits.
func alike(a, b string) bool { return folded(a) == folded(b) }

func folded(text string) string {
	base, query, ok := foldedParts(text)
	if !ok {
		return text
	}
	return base + "?" + strings.Join(query, "&")
}

// extends reports whether a callback differs from the one that was sent at most in the ways of alike, and in query
// parameters that were added.
func extends(sent, answered string) bool {
	base, query, ok := foldedParts(sent)
	extended, more, okToo := foldedParts(answered)
	return ok && okToo && base == extended &&
		!slices.ContainsFunc(query, func(parameter string) bool { return !slices.Contains(more, parameter) })
}

// foldedParts returns what alike compares: all up to the query, and the sorted parameters of that.
func foldedParts(text string) (base string, query []string, ok bool) {
	u, ok := platform.NormalURL(strings.ToLower(text))
	if !ok {
		return "", nil, false
	}
	query = strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' })
	for i, parameter := range query {
		if decoded, err := url.QueryUnescape(parameter); err == nil {
			query[i] = strings.ToLower(decoded)
		}
	}
	slices.Sort(query)
	return u.Scheme + "://" + hostOf(u) + strings.ToLower(strings.TrimRight(u.Path, "/")), query, true
}
