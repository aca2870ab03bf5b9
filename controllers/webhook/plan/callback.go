package plan

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// SameURL reports whether two callbacks are the same by RFC 3986, section 6.2.2. The platform may spell one in another
// way than it was given.
func SameURL(a, b string) bool { return a == b || canonicalURL(a) == canonicalURL(b) }

// canonicalURL is the one spelling of a callback that all comparisons use. What is no URL stays as it is.
func canonicalURL(text string) string {
	if u, ok := platform.NormalURL(text); ok {
		return u.String()
	}
	return text
}

// Spelling is how the platform spells a callback, beyond what RFC 3986 calls the same: a slash more or less at the end,
// for example. It is learned from the answers to the operator's own writes alone.
type Spelling struct{ Sent, Answered string }

// SpellingOf is what the status says.
func SpellingOf(s *itwinv1alpha1.WebhookStatus) Spelling {
	if s.SentCallbackURL == "" {
		return Spelling{}
	}
	return Spelling{Sent: s.SentCallbackURL, Answered: s.CallbackURL}
}

// SameCallback reports whether the callback of a remote webhook is that of the spec. It is the only such comparison:
// for drift, adoption, and the answer to an update.
func (f *Facts) SameCallback(callback string) bool {
	wanted := f.Webhook.Spec.CallbackURL
	return SameURL(wanted, callback) ||
		f.Spelling.Sent != "" && SameURL(f.Spelling.Sent, wanted) && SameURL(f.Spelling.Answered, callback)
}

// MaxCallback bounds the callback of the platform that a status keeps. A spec has at most 2048 characters.
const MaxCallback = 4096

// EarlierCallbacks are the callbacks that a remote webhook had before the spec's was sent: had for certain, or may have
// had, because a process before this one may have sent the spec's already.
type EarlierCallbacks struct {
	Had []string
	may string
}

// MaxEarlier bounds how many callbacks are remembered of updates whose outcome is not known.
const MaxEarlier = 8

func (e EarlierCallbacks) includes(callback string) bool {
	return slices.ContainsFunc(e.Had, func(had string) bool { return SameURL(had, callback) })
}

// LearnSpelling takes over how the platform spelled the callback of the spec when it answered an update that sent it.
// The answer must be on the same host. One that only repeats what the remote webhook had before, under another spec, is
// no spelling of this one, unless the two differ in letter case, encoding or the like alone.
func (f *Facts) LearnSpelling(before EarlierCallbacks, answered string) {
	sent := f.Webhook.Spec.CallbackURL
	switch {
	case SameURL(sent, answered):
		f.Spelling = Spelling{}
	case platform.MarkOf(answered) != "" || len(answered) > MaxCallback || !sameHost(sent, answered) ||
		f.SameCallback(answered):
	case !alike(sent, answered) && (len(before.Had) == 0 || before.includes(answered)):
	case !alike(sent, answered) && SameURL(before.may, answered) && !extends(sent, answered):
	default:
		f.Spelling = Spelling{Sent: sent, Answered: answered}
	}
}

// CallbackBefore is what the remote webhook had before the spec's callback was first sent to it. Of an edit that is
// waiting it is what the status says: a process before this one may have sent it. What changed though nothing was
// changed since the operator's last write is how the platform spells now what the status says.
func (f *Facts) CallbackBefore() EarlierCallbacks {
	reported, remote := f.Webhook.Status.CallbackURL, ""
	if f.Presence == fleet.Present {
		remote = f.Remote.CallbackURL
	}
	switch {
	case f.CreatedUnreported() && f.Webhook.Spec.WebhookID == "":
		return EarlierCallbacks{Had: []string{f.MarkedCallback()}, may: remote}
	case f.Described() && reported != "" && (f.Pending() || f.UnchangedSinceWrite()):
		return EarlierCallbacks{Had: []string{reported}, may: remote}
	case remote != "":
		return EarlierCallbacks{Had: []string{remote}}
	}
	return EarlierCallbacks{}
}

// MarkedCallback is what a create sends.
func (f *Facts) MarkedCallback() string {
	return platform.Mark(f.Webhook.Spec.CallbackURL, identity.MarkOf(f.Webhook))
}

// UnchangedSinceWrite reports whether the remote webhook is as the operator's last write left it, by the time of the
// platform.
func (f *Facts) UnchangedSinceWrite() bool {
	known, seen := f.Webhook.Status.Modified, PlatformTime(f.Remote.Modified)
	return f.Described() && f.Presence == fleet.Present && f.Restless != fleet.Restless && known != nil && seen != nil &&
		sameTime(known, f.Remote.Modified)
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
