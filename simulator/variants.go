package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Names of the variants.
const (
	variantIDsUpper             = "ids-upper"
	variantIDsUpperInLists      = "ids-upper-in-lists"
	variantIDsUpperStrict       = "ids-upper-strict"
	variantURLsNormalised       = "urls-normalised"
	variantURLsDecoded          = "urls-decoded"
	variantURLsUnicode          = "urls-unicode"
	variantURLsSlash            = "urls-slash"
	variantURLsSlashInLists     = "urls-slash-in-lists"
	variantURLsQuery            = "urls-query"
	variantEventTypesSorted     = "event-types-sorted"
	variantListsLag             = "lists-lag"
	variantReadsLag             = "reads-lag"
	variantDateSkew             = "date-skew"
	variantTimesWithoutZone     = "times-without-zone"
	variantTimesWithoutFraction = "times-without-fraction"
	variantTimesUnix            = "times-unix"
	variantTimesNull            = "times-null"
	variantModifiedMoves        = "modified-moves"
	variantUpdateMakesSecret    = "update-makes-secret"
	variantCreatesMerge         = "creates-merge"
	variantCreatesDropQuery     = "creates-drop-query"
	variantCreatesRefuseQuery   = "creates-refuse-query"
	variantCreatesActive        = "creates-active"
	variantHidden               = "hidden"
	variantHiddenCreatesRefused = "hidden-creates-refused"
	variantRemainingAbsent      = "remaining-calls-absent"
	variantRemainingOfHour      = "remaining-calls-of-hour"
)

// variant is a named way in which the real platform may differ from the default model.
type variant struct {
	name        string
	description string
	parse       func(value string) (time.Duration, error) // nil: the variant takes no duration
	// plays reports whether the variant, whose value is the action of a fault, spoils a call; nil: it is no such variant.
	plays func(*call) bool
	// once: of equal calls it spoils the first, and alternates: every other call.
	once, alternates bool
}

// variants is the table of all variants, in the order of the documentation.
var variants = slices.Concat(modelVariants, faultVariants)

// modelVariants are the variants that have nothing to do with faults.
var modelVariants = []variant{
	{name: variantIDsUpper, description: "GUIDs (`id`, `scopeId`) are upper case in every answer; " +
		"paths may have either case"},
	{name: variantIDsUpperInLists, description: "GUIDs are upper case in lists only; paths may have either case"},
	{name: variantIDsUpperStrict, description: "GUIDs are upper case in every answer, and paths must have " +
		"that spelling"},
	{name: variantURLsNormalised, description: "`callbackUrl` is returned with scheme and host in lower case, " +
		"without the default port, with `/` for an empty path, and percent-encodings in upper case"},
	{name: variantURLsDecoded, description: "`callbackUrl` is returned with the percent-encodings of letters, digits, " +
		"`-`, `.`, `_` and `~` decoded"},
	{name: variantURLsUnicode, description: "`callbackUrl` is returned with an international host name in Unicode"},
	{name: variantURLsSlash, description: "`callbackUrl` is returned with a slash at the end of its path"},
	{name: variantURLsSlashInLists, description: "the same, in lists only"},
	{name: variantURLsQuery, description: "`callbackUrl` is returned with the query parameter `source=itwin` added"},
	{name: variantEventTypesSorted, description: "`eventTypes` is returned sorted and without repetitions; " +
		"repetitions in a request are accepted"},
	{name: variantListsLag, parse: parseLag, description: "lists show the state of that long ago"},
	{name: variantReadsLag, parse: parseLag, description: "`GET` of one webhook shows the state of that long ago"},
	{name: variantDateSkew, parse: parseSkew, description: "the `Date` header is later by that much, or earlier " +
		"if negative"},
	{name: variantTimesWithoutZone, description: "times are returned without a time zone"},
	{name: variantTimesWithoutFraction, description: "times are returned in whole seconds"},
	{name: variantTimesUnix, description: "times are returned as numbers, the seconds since 1970"},
	{name: variantTimesNull, description: "times are returned as `null`"},
	{name: variantModifiedMoves, description: "each list moves `modified` of every webhook in it"},
	{name: variantUpdateMakesSecret, description: "an update without `secret` generates a new secret, " +
		"which the answer does not show and which signs from then on"},
	{name: variantCreatesMerge, description: "a create equal in `callbackUrl`, `scope`, `scopeId` and `eventTypes` " +
		"to an existing webhook returns that webhook, with its secret"},
	{name: variantCreatesDropQuery, description: "a create stores and returns `callbackUrl` without " +
		"the query parameter `itwin-webhook`"},
	{name: variantCreatesRefuseQuery, description: "a create or update whose `callbackUrl` has " +
		"the query parameter `itwin-webhook` gets 422, with `callbackUrl` as target"},
	{name: variantCreatesActive, description: "new webhooks of version 2 are active at once"},
	{name: variantHidden, description: "webhooks that existed when it was switched on get 404 `WebhookNotFound` " +
		"and are not listed, until it is switched off; creates work"},
	{name: variantPages, description: "lists of version 2 come in pages of one webhook, and `_links.next` spells " +
		"the host in another way: in upper case, with the default port"},
	{name: variantHiddenCreatesRefused, description: "like `hidden`, and creates get 403 " +
		"`InsufficientPermissions`"},
	{name: variantRemainingAbsent, description: "no answer has the header `iTwinPlatform-RateLimit-RemainingCalls`, " +
		"nor the one with the subscription"},
	{name: variantRemainingOfHour, description: "`iTwinPlatform-RateLimit-RemainingCalls` is what is left of the hour " +
		"alone, where there is such a limit"},
}

// syntax is how the variant is written in a specification.
func (v variant) syntax() string {
	switch {
	case v.plays != nil:
		return v.name + "=ACTION"
	case v.parse == nil:
		return v.name
	}
	return v.name + "=DURATION"
}

// parseLag reads how far behind an answer is.
func parseLag(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 || d > maxAdvance {
		return 0, errors.New(`the value must be a positive duration, for example "5s"`)
	}
	return d, nil
}

// parseSkew reads how far off a clock is.
func parseSkew(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d == 0 || d.Abs() > maxAdvance {
		return 0, errors.New(`the value must be a duration other than zero, for example "-5m"`)
	}
	return d, nil
}

// findVariant returns the table entry of a name, or an error that lists the known names.
func findVariant(name string) (variant, error) {
	i := slices.IndexFunc(variants, func(v variant) bool { return v.name == name })
	if i >= 0 {
		return variants[i], nil
	}
	known := make([]string, 0, len(variants))
	for _, v := range variants {
		known = append(known, v.syntax())
	}
	return variant{}, fmt.Errorf("unknown variant %q; known variants: %s", name, strings.Join(known, ", "))
}

// parseVariant reads "name" or "name=value".
func parseVariant(spec string) (*activeVariant, error) {
	name, value, _ := strings.Cut(spec, "=")
	return newActiveVariant(name, value)
}

// newActiveVariant checks the name and the value of a variant. An empty value is none.
func newActiveVariant(name, value string) (*activeVariant, error) {
	v, err := findVariant(name)
	if err != nil {
		return nil, err
	}
	active := &activeVariant{name: name, value: value}
	if v.plays != nil {
		if active.fault, err = parseFault(Fault{Action: value, Times: Forever}); err != nil {
			return nil, fmt.Errorf("variant %s: %w", v.syntax(), err)
		}
		return active, nil
	}
	if v.parse == nil {
		if value != "" {
			return nil, fmt.Errorf("variant %s takes no value, got %q", name, value)
		}
		return active, nil
	}
	if active.duration, err = v.parse(value); err != nil {
		return nil, fmt.Errorf("variant %s: %w, got %q", v.syntax(), err, value)
	}
	return active, nil
}

// activeVariant is a variant that is switched on.
type activeVariant struct {
	name, value string
	duration    time.Duration
	hidden      map[string]bool // ids of the webhooks that the variant hides
	replica     *replica        // what lagging answers show
	fault       *fault          // what the variant plays
	calls       int             // that it could have spoilt
	played      map[string]bool // those that it spoils once
}
