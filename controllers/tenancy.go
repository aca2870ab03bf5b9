package controllers

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// hostAllowed reports whether the host of a callback matches one of the patterns: exact, or one leading "*." that
// stands for one or more labels. No patterns allow any host. Hosts are compared as DNS sees them: without case,
// trailing dot and port, international names in their ASCII form.
func hostAllowed(patterns []string, callbackURL string) bool {
	if len(patterns) == 0 {
		return true
	}
	u, err := url.Parse(callbackURL)
	if err != nil || u.User != nil {
		return false
	}
	return hostMatches(patterns, u.Hostname())
}

// hostMatches reports whether a host matches one of the patterns.
func hostMatches(patterns []string, host string) bool {
	host, ok := canonicalHost(host)
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

// namespaceAllowed reports whether a selector lets a namespace with these labels in. An absent selector lets none in.
func namespaceAllowed(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}

// allowHosts returns a check of the hosts that the operator may send requests to, as "host" or "host:port": each
// pattern exact, with or without a port, or with one leading "*."; and loopback hosts, if they are allowed.
func allowHosts(patterns []string, loopback bool) func(host string) error {
	return func(host string) error {
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		name = strings.Trim(name, "[]")
		if isLoopback(name) {
			if loopback {
				return nil
			}
			return fmt.Errorf("this installation does not allow loopback hosts such as %q; start the operator with "+
				"--allow-loopback", host)
		}
		if slices.Contains(patterns, host) || hostMatches(patterns, name) {
			return nil
		}
		return fmt.Errorf("this installation does not allow the host %q; it allows %q, which the operator's flag "+
			"--allowed-api-hosts sets", host, patterns)
	}
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}
