package platform

import (
	"net/url"
	"strings"
)

// OwnerParameter is the query parameter that marks the callback of a create with its owner. A create is always inactive
// and always followed by an update, so its callback can carry what the API has no field for: the owner's identity, by
// which the webhook is recognised whenever and wherever it turns up.
const OwnerParameter = "itwin-webhook"

// Mark returns a callback that carries an owner. Every other byte stays as it is.
func Mark(callbackURL, owner string) string {
	separator := "?"
	if strings.Contains(callbackURL, "?") {
		separator = "&"
	}
	return callbackURL + separator + OwnerParameter + "=" + owner
}

// MarkOf returns the owner that a callback carries, in lower case; "" when it carries none. The platform may have
// spelled the query in another way. Of several owners the last one counts, which is the one that Mark appended.
func MarkOf(callbackURL string) (owner string) {
	_, query, _ := strings.Cut(callbackURL, "?")
	query, _, _ = strings.Cut(query, "#")
	for parameter := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName == nil && errValue == nil && namesOwner(name) {
			owner = strings.ToLower(value)
		}
	}
	return owner
}

// namesOwner reports whether a decoded parameter name is OwnerParameter in any case. Case is that of ASCII: Unicode
// folds other characters, such as the Kelvin sign, to letters of it.
func namesOwner(name string) bool {
	return len(name) == len(OwnerParameter) && strings.EqualFold(name, OwnerParameter)
}
