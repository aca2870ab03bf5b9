package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// allowedHosts is the value of --allowed-api-hosts: a list of hosts, host:port pairs and "*.suffix" patterns.
type allowedHosts struct {
	patterns []string
	// given is true once the flag was set: the first value replaces the default, and further ones are added.
	given bool
}

// defaultAllowedHosts are the hosts of the iTwin Platform's production environment.
func defaultAllowedHosts() allowedHosts {
	return allowedHosts{patterns: []string{"api.bentley.com", "ims.bentley.com"}}
}

// String returns the list as the flag takes it.
func (h *allowedHosts) String() string { return strings.Join(h.patterns, ",") }

// Set adds the hosts of a comma-separated list.
func (h *allowedHosts) Set(list string) error {
	if !h.given {
		h.patterns, h.given = nil, true
	}
	for text := range strings.SplitSeq(list, ",") {
		pattern, err := hostPattern(text)
		if err != nil {
			return err
		}
		if !slices.Contains(h.patterns, pattern) {
			h.patterns = append(h.patterns, pattern)
		}
	}
	return nil
}

// hostPattern returns one value of --allowed-api-hosts in its canonical form: lower case, with IPv6 in brackets.
func hostPattern(text string) (string, error) {
	pattern := strings.ToLower(strings.TrimSpace(text))
	if suffix, ok := strings.CutPrefix(pattern, "*."); ok && isDNSName(suffix) {
		return pattern, nil
	}
	name, port, err := net.SplitHostPort(pattern)
	hasPort := err == nil
	if !hasPort {
		name = strings.TrimSuffix(strings.TrimPrefix(pattern, "["), "]")
	}
	address, err := netip.ParseAddr(name)
	isAddress := err == nil && address.Zone() == ""
	switch {
	case !isAddress && !isDNSName(name), strings.Contains(pattern, "/"):
		return "", fmt.Errorf("%q is not a host: give a DNS name or an IP address, with a port if only that one is allowed "+
			"(api.example.com, api.example.com:8443), or a pattern for all names below a domain (*.example.com)", text)
	case name == "localhost" || isAddress && address.Unmap().IsLoopback():
		return "", fmt.Errorf("%q is a loopback host: use --allow-loopback to allow those", text)
	case isAddress && address.Is6():
		name = "[" + name + "]"
	}
	if !hasPort {
		return name, nil
	}
	if port, err = canonicalPort(port); err != nil {
		return "", fmt.Errorf("%q has an invalid port: %w", text, err)
	}
	return name + ":" + port, nil
}

// canonicalPort returns a port from 1 to 65535 without leading zeros.
func canonicalPort(text string) (string, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return "", fmt.Errorf("%q is not a number from 1 to 65535", text)
	}
	return strconv.FormatUint(port, 10), nil
}

// isDNSName reports whether a name, in lower case, is one that DNS can have. A last label of digits only would be
// taken for a part of an IPv4 address.
func isDNSName(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return len(validation.IsDNS1123Subdomain(name)) == 0 && strings.Trim(last, "0123456789") != ""
}
