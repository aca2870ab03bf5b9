package report

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// redacted stands for what was left out.
const redacted = "REDACTED"

// redactor leaves out of objects and texts what may be a secret. It knows no secret: the report reads none. It goes by
// where a value stands, and by what it looks like.
type redactor struct {
	// platforms are the hosts of the connections, whose paths are no secrets.
	platforms map[string]bool
	// key is that of the digests: nothing outside of this report has a digest to compare with, or to guess from.
	key []byte
}

// newRedactor returns one for a report.
func newRedactor(platforms map[string]bool) *redactor {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // which never fails
	return &redactor{platforms: platforms, key: key}
}

var (
	address = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"<>\\]+`)
	jwt     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)+`)
	scheme  = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}`)
	// named are values with a name that says that they are secret: in a query, a flag or an assignment, in JSON, in a
	// header, or in YAML.
	named = []*regexp.Regexp{
		regexp.MustCompile(`(?i)([\w-]*(?:secret|passw(?:or)?d|token|api[-_]?key|signature)\s*=\s*"?)[^\s"',;&}]+`),
		regexp.MustCompile(`(?i)("[\w-]*(?:secret|passw(?:or)?d|token|api[-_]?key|signature|authorization)"\s*:\s*")[^"]*`),
		regexp.MustCompile(`(?i)\b((?:authorization|x-api-key|cookie|signature):\s*)\S+(?:\s+[A-Za-z0-9._~+/=-]{8,})?`),
		regexp.MustCompile(`\b((?:[a-z]\w*(?:Secret|Token|Password|Key)|secret|password|token):\s+)\S+`),
	}
	// long are texts that may be keys: hexadecimal or base64.
	long = regexp.MustCompile(`(?:sha256:|\brevision[ =]"?)?[A-Za-z0-9+/=_]{32,}`)
	// dashed are texts that may be keys in base64url; with a plus or a slash they are none, but may hold one in base64.
	dashed = regexp.MustCompile(`[\w-]{32,}=*[+/]?`)
	// public are long texts that are no keys: digests of images, and the commit that a program was built from.
	public = regexp.MustCompile(`^(?:sha256:[0-9a-f]{64}|revision[ =]"?[0-9a-f]{40})$`)
)

// text leaves out of a text what looks like a secret.
func (r *redactor) text(s string) string {
	s = address.ReplaceAllStringFunc(s, func(found string) string {
		bare := strings.TrimRight(found, ".,;:)]'")
		return r.url(bare) + found[len(bare):]
	})
	s = jwt.ReplaceAllString(s, redacted)
	for _, pattern := range named {
		s = pattern.ReplaceAllString(s, "${1}"+redacted)
	}
	s = scheme.ReplaceAllString(s, "${1}${2}"+redacted)
	s = dashed.ReplaceAllStringFunc(s, func(found string) string {
		// UUIDs and the names of Pods have hyphens, too, but letters of one case.
		if strings.Contains(found, "-") && !strings.ContainsAny(found, "+/") && mixed(found) {
			return redacted
		}
		return found
	})
	return long.ReplaceAllStringFunc(s, func(found string) string {
		if public.MatchString(found) || !looksRandom(found) {
			return found
		}
		return redacted
	})
}

// looksRandom tells a key from a long word or a path.
func looksRandom(s string) bool {
	digit, upper := strings.ContainsFunc(s, unicode.IsDigit), strings.ContainsFunc(s, unicode.IsUpper)
	lower := strings.ContainsFunc(s, unicode.IsLower)
	return digit && upper && lower || digit && (upper || lower) && !strings.Contains(s, "/") || !upper && !lower && digit
}

// mixed reports whether a text has digits and letters of both cases.
func mixed(s string) bool {
	return strings.ContainsFunc(s, unicode.IsDigit) && strings.ContainsFunc(s, unicode.IsUpper) &&
		strings.ContainsFunc(s, unicode.IsLower)
}

// url keeps scheme and host. The rest is a digest, by which equal callbacks can be told; that of a platform keeps its
// path.
func (r *redactor) url(s string) string {
	parsed, err := url.Parse(s)
	if err != nil {
		return redacted
	}
	user := ""
	if parsed.User != nil {
		user = redacted + "@"
	}
	rest := strings.TrimPrefix(parsed.RequestURI(), "/")
	switch {
	case parsed.Opaque != "":
		return parsed.Scheme + ":" + redacted
	case r.platforms[parsed.Host] && parsed.RawQuery != "":
		rest = strings.TrimPrefix(parsed.EscapedPath(), "/") + "?" + redacted
	case rest != "" && !r.platforms[parsed.Host]:
		digest := hmac.New(sha256.New, r.key)
		_, _ = digest.Write([]byte(rest))
		rest = redacted + "-" + hex.EncodeToString(digest.Sum(nil)[:4])
	}
	return parsed.Scheme + "://" + user + parsed.Host + "/" + rest
}
