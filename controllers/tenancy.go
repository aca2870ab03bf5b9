package controllers

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// hostAllowed tells whether the host of a callback matches one of the patterns: exact, or one leading "*." that stands
// for one or more labels. No patterns allow any host. Hosts are compared as DNS sees them: without case, trailing dot
// and port, international names in their ASCII form.
func hostAllowed(patterns []string, callbackURL string) bool {
	if len(patterns) == 0 {
		return true
	}
	u, err := url.Parse(callbackURL)
	if err != nil || u.User != nil {
		return false
	}
	host, ok := canonicalHost(u.Hostname())
	if !ok {
		return false
	}
	for _, pattern := range patterns {
		if suffix, wild := strings.CutPrefix(pattern, "*."); wild {
			suffix, ok := canonicalHost(suffix)
			if ok && strings.HasSuffix(host, "."+suffix) {
				return true
			}
			continue
		}
		if exact, ok := canonicalHost(pattern); ok && host == exact {
			return true
		}
	}
	return false
}

// names is idna.Lookup, but as strict as DNS about empty and long labels, and no stricter about hyphens.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.VerifyDNSLength(true))

func canonicalHost(host string) (string, bool) {
	ascii, err := names.ToASCII(strings.TrimSuffix(host, "."))
	if !utf8.ValidString(host) || err != nil || ascii == "" || strings.HasSuffix(ascii, ".") {
		return "", false
	}
	return strings.ToLower(ascii), true
}

// namespaceAllowed tells whether a selector lets a namespace with these labels in. An absent selector lets nobody in.
func namespaceAllowed(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}
