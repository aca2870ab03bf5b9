package platform

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// Known finds what was known of a webhook before a list, by its id as the platform spells it; ok is false when nothing
// was. It must be safe for concurrent use.
type Known func(id []byte) (w Webhook, ok bool)

// readEntry reads one entry of a list. When that fails it returns the reason, and of the webhook what could be read all
// the same; nothing when that is not its id.
func readEntry(data []byte) (Webhook, error) {
	var w Webhook
	problem := json.Unmarshal(data, &w)
	if problem == nil {
		return w, nil
	}
	var loose struct{ ID, CallbackURL, Scope, ScopeID, Active, EventTypes json.RawMessage }
	if json.Unmarshal(data, &loose) != nil {
		return Webhook{}, problem
	}
	w = Webhook{
		ID: lenient[string](loose.ID), Scope: shared(lenient[string](loose.Scope)),
		ScopeID: shared(lenient[string](loose.ScopeID)), CallbackURL: lenient[string](loose.CallbackURL),
		Active: lenient[bool](loose.Active), EventTypes: lenient[[]string](loose.EventTypes),
	}
	if !ValidID(w.ID) {
		return Webhook{}, problem
	}
	w.Mark = MarkOf(w.CallbackURL)
	return w, problem
}

// lenient reads a value; what has another type is the zero value.
func lenient[T any](data json.RawMessage) (value T) {
	if json.Unmarshal(data, &value) != nil {
		return *new(T)
	}
	return value
}

// mostOfPlain bounds the entries that plainEntry reads, in bytes. Its parser makes a tree of all values, which takes
// two hundred times as much at worst, and keeps it until the next entry.
const mostOfPlain = 8 << 10

// plainEntry reads an entry, which is valid JSON, that is written as documented: not large, each member once, in ASCII
// without escapes. It reports false for every other one, which readEntry reads. What is as known shares the texts of
// known, and event types that are as those of the entry before share theirs.
func (c *collector) plainEntry(data []byte) (w Webhook, plain bool) {
	if len(data) > mostOfPlain || slices.ContainsFunc(data, func(b byte) bool { return b >= utf8.RuneSelf || b == '\\' }) {
		return Webhook{}, false
	}
	value, err := c.parser.ParseBytes(data)
	if err != nil || value.Type() != fastjson.TypeObject {
		return Webhook{}, false
	}
	var m members
	value.GetObject().Visit(m.take)
	if m.odd || !m.complete() {
		return Webhook{}, false
	}
	var known Webhook
	if c.known != nil {
		known, _ = c.known(m.id)
	}
	w = Webhook{
		ID: sharedWith(known.ID, m.id), Active: m.active,
		Scope: c.scope.of(m.scope), ScopeID: c.scopeID.of(m.scopeID),
		CallbackURL: sharedWith(known.CallbackURL, m.callbackURL), Mark: known.Mark,
		EventTypes: sharedList(m.eventTypes, known.EventTypes, c.eventTypes),
		Created:    m.created, Modified: m.modified,
	}
	if w.CallbackURL != known.CallbackURL {
		w.Mark = MarkOf(w.CallbackURL)
	}
	c.eventTypes = w.EventTypes
	return w, true
}

// members are those of an entry, whose texts are the parser's.
type members struct {
	id, scope, scopeID, callbackURL []byte
	active                          bool
	eventTypes                      []*fastjson.Value
	created, modified               time.Time
	// seen has a bit for each that there was; odd is true when one is not as documented, or was there before.
	seen uint
	odd  bool
}

// memberNames are those that an entry has, as documented.
var memberNames = []string{"id", "scope", "scopeId", "callbackUrl", "active", "eventTypes", "created", "modified"}

// take takes a member of an entry.
func (m *members) take(name []byte, value *fastjson.Value) {
	is := func(member string) bool { return string(name) == member }
	which := slices.IndexFunc(memberNames, is)
	if which < 0 {
		// In another case it counts as the member.
		m.odd = m.odd || slices.ContainsFunc(memberNames, func(member string) bool {
			return strings.EqualFold(member, string(name))
		})
		return
	}
	m.odd = m.odd || m.seen&(1<<which) != 0 || !m.set(which, value)
	m.seen |= 1 << which
}

// set reads a member. It reports false when it is not as documented.
func (m *members) set(which int, value *fastjson.Value) bool {
	var err error
	switch which {
	case 0:
		m.id, err = value.StringBytes()
	case 1:
		m.scope, err = value.StringBytes()
	case 2:
		m.scopeID, err = value.StringBytes()
	case 3:
		m.callbackURL, err = value.StringBytes()
	case 4:
		m.active, err = value.Bool()
	case 5:
		m.eventTypes, err = value.Array()
	case 6:
		m.created, err = plainTime(value)
	case 7:
		m.modified, err = plainTime(value)
	}
	return err == nil
}

// complete reports whether an entry has all that is documented.
func (m *members) complete() bool {
	return m.seen == 1<<len(memberNames)-1 && len(m.callbackURL) > 0 && ValidID(string(m.id)) &&
		!slices.ContainsFunc(m.eventTypes, func(v *fastjson.Value) bool { return v.Type() != fastjson.TypeString })
}

// plainTime reads a time in the form of RFC 3339.
func plainTime(value *fastjson.Value) (t time.Time, err error) {
	text, err := value.StringBytes()
	if err != nil {
		return t, err
	}
	err = t.UnmarshalText(text)
	return t.UTC(), err
}

// sharedList is a list of texts, and the one of some others that has the same.
func sharedList(values []*fastjson.Value, others ...[]string) []string {
	for _, other := range others {
		if other != nil && slices.EqualFunc(other, values, func(text string, v *fastjson.Value) bool {
			return text == string(v.GetStringBytes())
		}) {
			return other
		}
	}
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = shared(string(v.GetStringBytes()))
	}
	return list
}

// sharedWith is a text, and the known one when that is the same.
func sharedWith(known string, text []byte) string {
	if known == string(text) {
		return known
	}
	return string(text)
}

// latest is the last one of the texts that many webhooks have.
type latest string

// of is the one copy of a text.
func (l *latest) of(text []byte) string {
	if string(*l) != string(text) {
		*l = latest(shared(string(text)))
	}
	return string(*l)
}
