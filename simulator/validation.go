package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// minSecret is the least length of a webhook's secret, in characters.
const minSecret = 32

// detailInvalidBody is the code of every detail of a 422 answer about a request body.
const detailInvalidBody = "InvalidRequestBody"

// eventTypePatternV2 is api.action.version. The list of types grows: unless the options have one, the shape counts.
var eventTypePatternV2 = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*\.[A-Za-z][A-Za-z0-9]*\.v[0-9]+$`)

type presence bool

const (
	required presence = true
	optional presence = false
)

// validator reads the properties of a request body and collects what is wrong with them, so that the refusal names
// every mistake at once.
type validator struct {
	properties  map[string]json.RawMessage // without those that are null: a null is an absent property
	plainHTTP   bool
	noMarker    bool // the variant creates-refuse-query is on
	repetitions bool // event types may be repeated: the variant event-types-sorted is on
	known       knownTypes
	broken      bool // the body is no JSON object: nothing in it can be read
	details     []errorDetail
}

// readBody begins to read the body of a call.
func (s *Simulator) readBody(c *call) *validator {
	if c.hasJSONBody() {
		return s.newValidator(c.body)
	}
	v := &validator{broken: true}
	v.refuse("Content-Type", "the Content-Type must be application/json")
	return v
}

func (s *Simulator) newValidator(body []byte) *validator {
	v := &validator{
		plainHTTP: s.options.HTTPCallbacks, noMarker: s.on(variantCreatesRefuseQuery),
		repetitions: s.on(variantEventTypesSorted), known: s.known,
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&v.properties); err != nil || v.properties == nil || decoder.More() {
		v.broken = true
		v.refuse("body", "it must be one JSON object")
		return v
	}
	maps.DeleteFunc(v.properties, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	return v
}

func (v *validator) failed() bool { return len(v.details) > 0 }

func (v *validator) refuse(target, format string, args ...any) {
	v.details = append(v.details, errorDetail{
		Code: detailInvalidBody, Message: "Invalid request body: " + fmt.Sprintf(format, args...) + ".", Target: target,
	})
}

// only refuses every property that is not named, in the order of the alphabet.
func (v *validator) only(names ...string) {
	for _, name := range slices.Sorted(maps.Keys(v.properties)) {
		if !slices.Contains(names, name) {
			v.refuse(name, "%s is unknown, or cannot be set", name)
		}
	}
}

// notEmpty refuses a body that would change nothing.
func (v *validator) notEmpty() {
	if !v.broken && len(v.properties) == 0 {
		v.refuse("body", "it names nothing to change")
	}
}

// value decodes a property into the target and reports whether it is there and of the right type.
func (v *validator) value(name string, need presence, target any, typeName string) bool {
	raw, found := v.properties[name]
	if !found {
		if need == required && !v.broken {
			v.refuse(name, "%s is required", name)
		}
		return false
	}
	if err := json.Unmarshal(raw, target); err != nil {
		v.refuse(name, "%s must be %s", name, typeName)
		return false
	}
	return true
}

// bool returns nil when the property is absent.
func (v *validator) bool(name string) *bool {
	var b bool
	if !v.value(name, optional, &b, "true or false") {
		return nil
	}
	return &b
}

func (v *validator) string(name string, need presence) (string, bool) {
	var text string
	ok := v.value(name, need, &text, "a string")
	return text, ok
}

// callbackURL returns an empty string when the property is absent.
func (v *validator) callbackURL(need presence) string {
	text, ok := v.string("callbackUrl", need)
	if !ok {
		return ""
	}
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "":
		v.refuse("callbackUrl", "callbackUrl must be an absolute URL with a host")
	case parsed.Scheme != "https" && (!v.plainHTTP || parsed.Scheme != "http"):
		v.refuse("callbackUrl", "callbackUrl must be an https URL")
	}
	if _, found := splitMarker(text); found && v.noMarker {
		v.refuse("callbackUrl", "callbackUrl must not have the query parameter %s", markerParameter)
	}
	return text
}

// uuid reads a property that is required.
func (v *validator) uuid(name string) string {
	text, ok := v.string(name, required)
	if ok && !isUUID(text) {
		v.refuse(name, "%s must be a UUID", name)
	}
	return text
}

// expiration reads when a webhook of version 1 expires, or when it does if the property is absent.
func (v *validator) expiration(now time.Time) Timestamp {
	text, ok := v.string("expirationDateTime", optional)
	if !ok {
		return Timestamp{now.Add(v1Lifetime)}
	}
	expires, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !expires.After(now) {
		v.refuse("expirationDateTime", "expirationDateTime must be a time in the future, such as 2021-06-07T08:27:42Z")
	}
	return Timestamp{expires.UTC().Truncate(time.Millisecond)}
}

// scope returns a scope and its id: that of the account for its whole, or else the one given.
func (v *validator) scope(a *account) (scope, scopeID string) {
	scopeID, hasID := v.string("scopeId", optional)
	scope, ok := v.string("scope", required)
	if !ok {
		return "", ""
	}
	switch scope {
	case scopeAccount:
		if hasID {
			v.refuse("scopeId", "scopeId cannot be set when scope is Account")
		}
		return scope, a.ID
	case scopeITwin:
		if _, given := v.properties["scopeId"]; !given {
			v.refuse("scopeId", "scopeId is required when scope is iTwin")
		} else if hasID && !isUUID(scopeID) {
			v.refuse("scopeId", "scopeId must be a UUID")
		}
	default:
		v.refuse("scope", "scope must be Account or iTwin")
	}
	return scope, scopeID
}

// eventTypes returns nil when the property is absent.
func (v *validator) eventTypes(need presence, pattern *regexp.Regexp) []string {
	var types []string
	if !v.value("eventTypes", need, &types, "a list of strings") {
		return nil
	}
	if len(types) == 0 {
		v.refuse("eventTypes", "eventTypes must have at least one element")
	}
	seen := map[string]bool{}
	for _, t := range types {
		switch {
		case !pattern.MatchString(t) || !v.known.has(t):
			v.refuse("eventTypes", "%q is no event type", t)
		case seen[strings.ToLower(t)] && !v.repetitions:
			v.refuse("eventTypes", "%q is there twice", t)
		}
		seen[strings.ToLower(t)] = true
	}
	return types
}

// secret returns an empty string when the property is absent.
func (v *validator) secret() string {
	secret, ok := v.string("secret", optional)
	if ok && utf8.RuneCountInString(secret) < minSecret {
		v.refuse("secret", "secret must have at least %d characters", minSecret)
	}
	return secret
}
