package export

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"webhook-operator.io/itwin/internal/platform"
)

const (
	// maxName bounds a name, so that it may also be the value of a label.
	maxName = 63
	// hashDigits of the id make a name unique.
	hashDigits = 8
)

// nameOf is the name of the manifest of a remote webhook: from its callback's host, its scope and its events, with a
// hash of its id. It is the same on each run. Of the callback's path and query it has nothing: they may hold a token,
// and a name cannot be changed later.
func nameOf(w platform.Webhook) string {
	parts := []string{}
	if u, err := url.Parse(w.CallbackURL); err == nil {
		parts = append(parts, u.Hostname())
	}
	parts = append(parts, w.Scope, commonEvent(w.EventTypes))
	sum := sha256.Sum256([]byte(platform.CanonicalID(w.ID)))
	hash := hex.EncodeToString(sum[:])[:hashDigits]
	readable := slug(strings.Join(parts, "-"))
	if most := maxName - hashDigits - 1; len(readable) > most {
		readable = readable[:most]
	}
	readable = strings.Trim(readable, "-")
	if readable == "" || readable[0] >= '0' && readable[0] <= '9' {
		readable = strings.Trim("webhook-"+readable, "-")
		readable = strings.TrimRight(readable[:min(len(readable), maxName-hashDigits-1)], "-")
	}
	return readable + "-" + hash
}

// commonEvent is what the event types have in common: the action of a single one, the API of several, or nothing.
func commonEvent(eventTypes []string) string {
	var common []string
	for i, name := range slices.Sorted(slices.Values(eventTypes)) {
		parts := strings.Split(name, ".")
		switch {
		case i == 0 && len(parts) > 1:
			common = parts[:2] // without the version
		case i > 0 && (len(common) == 0 || parts[0] != common[0]):
			return ""
		case i > 0 && (len(parts) < 2 || len(common) < 2 || parts[1] != common[1]):
			common = common[:1]
		}
	}
	if len(common) == 2 {
		return common[1] // most actions name what the API is about
	}
	return strings.Join(common, "-")
}

// slug keeps lower-case letters and digits; hyphens stand for the rest.
func slug(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
