package simulator

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// How values are written in answers. Without variants they are written as they are stored.

// spellID writes a GUID, in a list or elsewhere.
func (s *Simulator) spellID(id string, inList bool) string {
	if s.on(variantIDsUpper) || s.on(variantIDsUpperStrict) || inList && s.on(variantIDsUpperInLists) {
		return strings.ToUpper(id)
	}
	return id
}

// readID returns the stored spelling of the GUID in a path, or an empty string if its spelling is not accepted.
func (s *Simulator) readID(id string) string {
	if s.on(variantIDsUpperStrict) {
		if id != strings.ToUpper(id) {
			return ""
		}
		return strings.ToLower(id)
	}
	if s.on(variantIDsUpper) || s.on(variantIDsUpperInLists) {
		return strings.ToLower(id)
	}
	return id
}

// spellTime writes a time.
func (s *Simulator) spellTime(t Timestamp) json.RawMessage {
	switch {
	case s.on(variantTimesNull):
		return json.RawMessage("null")
	case s.on(variantTimesUnix):
		return json.RawMessage(strconv.FormatInt(t.Unix(), 10))
	}
	layout := timestampLayout
	if s.on(variantTimesWithoutZone) {
		layout = strings.TrimSuffix(layout, "Z07:00")
	}
	if s.on(variantTimesWithoutFraction) {
		layout = strings.Replace(layout, ".000", "", 1)
	}
	return json.RawMessage(t.UTC().Format(`"` + layout + `"`))
}

// spellURL writes a callback URL.
func (s *Simulator) spellURL(text string, inList bool) string {
	if s.on(variantURLsNormalised) {
		text = normaliseURL(text)
	}
	if s.on(variantURLsDecoded) {
		text = decodeUnreserved(text)
	}
	if s.on(variantURLsUnicode) {
		text = unicodeHost(text)
	}
	if s.on(variantURLsSlash) || inList && s.on(variantURLsSlashInLists) {
		text = slashed(text)
	}
	if s.on(variantURLsQuery) {
		text = withParameter(text, "source=itwin")
	}
	return text
}

// splitURL returns a URL up to the end of its path, and the rest.
func splitURL(text string) (path, rest string) {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// unicodeHost returns a URL with its host name in Unicode.
func unicodeHost(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return text
	}
	name, err := idna.ToUnicode(parsed.Hostname())
	if err != nil {
		return text
	}
	return strings.Replace(text, parsed.Hostname(), name, 1)
}

// slashed returns a URL whose path ends in a slash.
func slashed(text string) string {
	path, rest := splitURL(text)
	return strings.TrimSuffix(path, "/") + "/" + rest
}

// withParameter returns a URL with a query parameter, which it gets only once.
func withParameter(text, parameter string) string {
	path, rest := splitURL(text)
	query, fragment, _ := strings.Cut(strings.TrimPrefix(rest, "?"), "#")
	if slices.Contains(strings.Split(query, "&"), parameter) {
		return text
	}
	if query != "" {
		query += "&"
	}
	if fragment != "" {
		fragment = "#" + fragment
	}
	return path + "?" + query + parameter + fragment
}

// spellEventTypes writes the event types of a webhook.
func (s *Simulator) spellEventTypes(types []string) []string {
	if !s.on(variantEventTypesSorted) {
		return types
	}
	byKey := map[string]string{}
	for _, t := range types {
		if key := strings.ToLower(t); byKey[key] == "" {
			byKey[key] = t
		}
	}
	return slices.Sorted(maps.Values(byKey))
}

var percentEncoding = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// normaliseURL changes the spelling of a URL but not its meaning (RFC 3986, section 6.2). It works on the text, because
// net/url may change other parts when it writes a URL that it has read.
func normaliseURL(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return text
	}
	_, rest, found := strings.Cut(text, "://")
	if !found {
		return text
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	host := authority[strings.LastIndex(authority, "@")+1:]
	user := strings.TrimSuffix(authority, host)
	host = strings.TrimSuffix(strings.ToLower(host), map[string]string{"https": ":443", "http": ":80"}[parsed.Scheme])
	return percentEncoding.ReplaceAllStringFunc(parsed.Scheme+"://"+user+host+path, strings.ToUpper)
}

var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]$`)

// decodeUnreserved decodes the percent-encodings of unreserved characters, which mean the same decoded (RFC 3986,
// section 6.2.2.2). All others stay as they are.
func decodeUnreserved(text string) string {
	return percentEncoding.ReplaceAllStringFunc(text, func(encoding string) string {
		decoded, err := url.PathUnescape(encoding)
		if err != nil || !unreserved.MatchString(decoded) {
			return encoding
		}
		return decoded
	})
}

// markerParameter is the query parameter that some variants drop or refuse.
const markerParameter = "itwin-webhook"

// isMarker reports whether a part of a query, such as "a=b", is the marker.
func isMarker(part string) bool {
	name, _, _ := strings.Cut(part, "=")
	name, err := url.QueryUnescape(name)
	return err == nil && name == markerParameter
}

// splitMarker returns a URL without the marker, with everything else as it is, and whether it had one.
func splitMarker(text string) (without string, found bool) {
	beforeFragment, fragment, hasFragment := strings.Cut(text, "#")
	base, query, hasQuery := strings.Cut(beforeFragment, "?")
	if !hasQuery {
		return text, false
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		if isMarker(part) {
			found = true
			continue
		}
		kept = append(kept, part)
	}
	if !found {
		return text, false
	}
	without = base
	if len(kept) > 0 {
		without += "?" + strings.Join(kept, "&")
	}
	if hasFragment {
		without += "#" + fragment
	}
	return without, true
}
