package tenancy

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"webhook-operator.io/itwin/internal/platform"
)

// CallbackAllowed reports whether the host of a callback matches one of the patterns: exact, or one leading "*." that
// stands for one or more labels. No patterns allow any host. Hosts are compared as DNS sees them: without case,
// trailing dot and port, international names in their ASCII form.
func CallbackAllowed(patterns []string, callbackURL string) bool {
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
	host, ok := platform.CanonicalHost(host)
	if !ok {
		return false
	}
	for _, pattern := range patterns {
		if suffix, wild := strings.CutPrefix(pattern, "*."); wild {
			suffix, ok := platform.CanonicalHost(suffix)
			if ok && strings.HasSuffix(host, "."+suffix) {
				return true
			}
			continue
		}
		if exact, ok := platform.CanonicalHost(pattern); ok && host == exact {
			return true
		}
	}
	return false
}

// NamespaceAllowed reports whether a selector lets a namespace with these labels in. An absent selector lets none in.
func NamespaceAllowed(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}

// AllowHosts returns a check of the hosts that the operator may send requests to, as "host" or, where the port is not
// the default, "host:port": each pattern exact, with or without a port, or with one leading "*."; and loopback hosts,
// if they are allowed.
func AllowHosts(patterns []string, loopback bool) func(host string) error {
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
		// Without a port it is that of https, the only scheme that other hosts than loopback ones may have.
		if slices.Contains(patterns, host) || slices.Contains(patterns, host+":443") || hostMatches(patterns, name) {
			return nil
		}
		return fmt.Errorf("this installation does not allow the host %q; it allows %s, which the operator's flag "+
			"--allowed-api-hosts sets", host, strings.Join(patterns, ", "))
	}
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}
