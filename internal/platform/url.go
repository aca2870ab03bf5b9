package platform

import (
	"cmp"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// NormalURL returns a URL in one of the spellings that mean the same: as RFC 3986, section 6.2.2, has it (case,
// percent-encoding, dot segments), with an empty or default port left out, an empty path as "/", and the host as DNS
// sees it. It returns false for what is no URL with a host.
func NormalURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, false
	}
	port := u.Port()
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	host := strings.ToLower(u.Hostname())
	if canonical, ok := CanonicalHost(host); ok {
		host = canonical
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Host = host; port != "" {
		u.Host += ":" + port
	}
	u.RawPath = normalPath(u.EscapedPath())
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, false
	}
	u.RawQuery = normalEncoding(u.RawQuery)
	return u, true
}

// hostNames is idna.Lookup, but as strict as DNS about empty and long labels, and no stricter about hyphens.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.VerifyDNSLength(true))

// CanonicalHost returns a host as DNS sees it: in lower case, without a dot at the end, international names in their
// ASCII form. It returns false for what DNS cannot have.
func CanonicalHost(host string) (string, bool) {
	ascii, err := hostNames.ToASCII(strings.TrimSuffix(host, "."))
	if !utf8.ValidString(host) || err != nil || ascii == "" || strings.HasSuffix(ascii, ".") {
		return "", false
	}
	return strings.ToLower(ascii), true
}

// normalPath resolves the dot segments of a path (RFC 3986, section 5.2.4).
func normalPath(escaped string) string {
	escaped = cmp.Or(normalEncoding(escaped), "/")
	if !strings.Contains(escaped, "/.") {
		return escaped
	}
	var kept []string
	segments := strings.Split(escaped[1:], "/")
	for i, segment := range segments {
		dot := segment == "." || segment == ".."
		if segment == ".." && len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
		switch {
		case !dot:
			kept = append(kept, segment)
		case i == len(segments)-1:
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

// normalEncoding writes percent-encodings in upper case, and what needs none without.
func normalEncoding(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		decoded, err := url.PathUnescape(s[i : i+3])
		switch {
		case err != nil: // no percent-encoding
			b.WriteByte(s[i])
			continue
		case unreserved(decoded[0]):
			b.WriteByte(decoded[0])
		default:
			b.WriteString(strings.ToUpper(s[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// unreserved reports whether a character needs no percent-encoding (RFC 3986, section 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
