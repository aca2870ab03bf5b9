package controllers

import (
	"cmp"
	"net/url"
	"strings"
)

// sameURL reports whether two callbacks mean the same: as RFC 3986, section 6.2.2, has it (case, percent-encoding, dot
// segments), with the default port left out, an empty path as "/", and international host names in their ASCII form.
// The platform may spell one in another way than it was given.
func sameURL(a, b string) bool {
	if a == b {
		return true
	}
	normalA, okA := normalURL(a)
	normalB, okB := normalURL(b)
	return okA && okB && normalA == normalB
}

func normalURL(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", false
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	host := strings.ToLower(u.Hostname())
	if ascii, ok := canonicalHost(host); ok {
		host = ascii
	}
	user, query, fragment := "", "", ""
	if u.User != nil {
		user = u.User.String() + "@"
	}
	if u.Fragment != "" {
		fragment = "#" + u.EscapedFragment()
	}
	if u.RawQuery != "" || u.ForceQuery {
		query = "?" + normalEncoding(u.RawQuery)
	}
	return scheme + "://" + user + host + ":" + port + normalPath(u.EscapedPath()) + query + fragment, true
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
