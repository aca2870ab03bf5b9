package main

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// settings come from the environment.
type settings struct {
	// once ends the demo after the story, instead of at Ctrl-C.
	once bool
	// account is that of a real platform; nil: the simulated one.
	account *account
}

// account is a Service Application of a platform, and what to use it for.
type account struct {
	clientID, clientSecret string
	apiURL, tokenURL       string
	// callbackURL gets the events; without one the webhook stays off.
	callbackURL string
	// iTwinID is the iTwin whose events are asked for; without one it is those of the whole account.
	iTwinID string
}

func settingsFrom(env func(string) string) settings {
	s := settings{once: env("DEMO_ONCE") != "" && env("DEMO_ONCE") != "0"}
	if env("ITWIN_CLIENT_ID") == "" || env("ITWIN_CLIENT_SECRET") == "" {
		return s
	}
	s.account = &account{
		clientID: env("ITWIN_CLIENT_ID"), clientSecret: env("ITWIN_CLIENT_SECRET"),
		apiURL:      cmp.Or(env("ITWIN_API_URL"), "https://api.bentley.com"),
		tokenURL:    cmp.Or(env("ITWIN_TOKEN_URL"), "https://ims.bentley.com/connect/token"),
		callbackURL: env("ITWIN_CALLBACK_URL"), iTwinID: env("ITWIN_ID"),
	}
	return s
}

// managerFlags let the operator talk to the platform of the account. The harness allows the simulated one.
func (s settings) managerFlags() []string {
	if s.account == nil {
		return nil
	}
	hosts := []string{hostOf(s.account.apiURL), hostOf(s.account.tokenURL)}
	hosts = slices.DeleteFunc(hosts, func(host string) bool { return host == "" || isLoopback(host) })
	if len(hosts) == 0 {
		return nil
	}
	return []string{"--allowed-api-hosts=" + strings.Join(hosts, ",")}
}

// hostOf returns the host of a URL, and "" for what is no URL: the API server says so when the samples are applied.
func hostOf(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
