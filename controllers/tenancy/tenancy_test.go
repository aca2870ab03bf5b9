package tenancy

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/idna"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/internal/platform"
)

// hostCases are callbacks and patterns, and whether one is within the other.
var hostCases = map[string]struct {
	pattern, callback string
	want              bool
}{
	"exact":                               {"hooks.example.com", "https://hooks.example.com/itwin", true},
	"exact, another host":                 {"hooks.example.com", "https://example.com/itwin", false},
	"exact, below":                        {"example.com", "https://hooks.example.com/", false},
	"exact, longer by letters":            {"example.com", "https://evilexample.com/", false},
	"exact, as a part of another":         {"example.com", "https://example.com.evil.org/", false},
	"exact, in the path":                  {"example.com", "https://evil.org/example.com", false},
	"exact, in the query":                 {"example.com", "https://evil.org/?https://example.com", false},
	"exact, in the fragment":              {"example.com", "https://evil.org#example.com", false},
	"wildcard, one label":                 {"*.example.com", "https://hooks.example.com/", true},
	"wildcard, several labels":            {"*.example.com", "https://a.b.c.example.com/", true},
	"wildcard, no label":                  {"*.example.com", "https://example.com/", false},
	"wildcard, an empty label":            {"*.example.com", "https://.example.com/", false},
	"wildcard, an empty label within":     {"*.example.com", "https://a..example.com/", false},
	"wildcard, longer by letters":         {"*.example.com", "https://evilexample.com/", false},
	"wildcard, as a part of another":      {"*.example.com", "https://hooks.example.com.evil.org/", false},
	"wildcard, itself":                    {"*.example.com", "https://*.example.com/", false},
	"wildcard not in front":               {"hooks.*.com", "https://hooks.example.com/", false},
	"wildcard within a label":             {"hooks*.example.com", "https://hooks1.example.com/", false},
	"wildcard alone":                      {"*", "https://example.com/", false},
	"wildcard of nothing":                 {"*.", "https://example.com./", false},
	"empty pattern":                       {"", "https://example.com/", false},
	"case of the callback":                {"hooks.example.com", "https://HOOKS.Example.COM/", true},
	"case of the pattern":                 {"Hooks.EXAMPLE.com", "https://hooks.example.com/", true},
	"case under a wildcard":               {"*.EXAMPLE.com", "https://hooks.example.COM/", true},
	"trailing dot of the callback":        {"hooks.example.com", "https://hooks.example.com./", true},
	"trailing dot of the pattern":         {"hooks.example.com.", "https://hooks.example.com/", true},
	"trailing dot under a wildcard":       {"*.example.com", "https://hooks.example.com./", true},
	"two trailing dots":                   {"hooks.example.com", "https://hooks.example.com../", false},
	"port":                                {"hooks.example.com", "https://hooks.example.com:8443/", true},
	"port of another host":                {"hooks.example.com", "https://evil.org:443/hooks.example.com", false},
	"port that is a host":                 {"example.com", "https://evil.org:example.com/", false},
	"userinfo that is the host":           {"example.com", "https://example.com@evil.org/", false},
	"userinfo with the right host":        {"example.com", "https://evil.org@example.com/", false},
	"userinfo with a port":                {"example.com", "https://example.com:443@evil.org/", false},
	"userinfo behind a backslash":         {"example.com", `https://evil.org\@example.com/`, false},
	"backslash before the path":           {"example.com", `https://evil.org\.example.com/`, false},
	"percent-encoded dot":                 {"*.example.com", "https://evil%2eexample.com/", false},
	"percent-encoded slash":               {"*.example.com", "https://evil.org%2f.example.com/", false},
	"percent-encoded at":                  {"example.com", "https://evil.org%40example.com/", false},
	"control character":                   {"example.com", "https://example.com\x00.evil.org/", false},
	"space":                               {"example.com", "https://example.com .evil.org/", false},
	"newline":                             {"example.com", "https://example.com\n.evil.org/", false},
	"international name":                  {"bücher.example.com", "https://xn--bcher-kva.example.com/", true},
	"international pattern":               {"xn--bcher-kva.example.com", "https://bücher.example.com/", true},
	"international, another case":         {"xn--bcher-kva.example.com", "https://BÜCHER.example.com/", true},
	"international, decomposed":           {"xn--bcher-kva.example.com", "https://bu\u0308cher.example.com/", true},
	"international, under a wildcard":     {"*.example.com", "https://bücher.example.com/", true},
	"look-alike letters":                  {"example.com", "https://ex\u0430mple.com/", false},
	"wide letters are the same":           {"example.com", "https://ｅｘａｍｐｌｅ.com/", true},
	"wide dot":                            {"*.example.com", "https://evil。example.com/", true},
	"wide dot at the end":                 {"example.com", "https://example.com。/", false},
	"label of 64 letters":                 {"*.example.com", "https://" + strings.Repeat("a", 64) + ".example.com/", false},
	"wide dot of another host":            {"*.example.com", "https://evil.org。evil.com/", false},
	"broken punycode":                     {"*.example.com", "https://xn--a.example.com/", false},
	"punycode of plain letters":           {"example.com", "https://xn--example-.com/", false},
	"invisible letter is ignored":         {"example.com", "https://exam\u00adple.com/", true},
	"joiner in the wrong place":           {"example.com", "https://exam\u200dple.com/", false},
	"hyphens in third and fourth":         {"*.example.com", "https://pr--shop.example.com/", true},
	"hyphens in the pattern":              {"pr--shop.example.com", "https://pr--shop.example.com/", true},
	"IPv4":                                {"*.example.com", "https://127.0.0.1/", false},
	"IPv4 with the end of a name":         {"*.com", "https://127.0.0.1/", false},
	"IPv4, exact":                         {"127.0.0.1", "https://127.0.0.1/", true},
	"IPv4 as one number":                  {"127.0.0.1", "https://2130706433/", false},
	"IPv4 in hexadecimals":                {"127.0.0.1", "https://0x7f000001/", false},
	"IPv4 in octals":                      {"127.0.0.1", "https://0177.0.0.1/", false},
	"IPv4, shortened":                     {"127.0.0.1", "https://127.1/", false},
	"IPv6":                                {"*.example.com", "https://[::1]/", false},
	"IPv6 with a port":                    {"example.com", "https://[::1]:443/", false},
	"IPv6 with a zone":                    {"example.com", "https://[fe80::1%25example.com]/", false},
	"IPv4 in IPv6":                        {"127.0.0.1", "https://[::ffff:127.0.0.1]/", false},
	"IPv6, exact, which no spec can have": {"::1", "https://[::1]/", false},
	"no host":                             {"example.com", "https:///example.com", false},
	"no host but a port":                  {"example.com", "https://:443/", false},
	"no scheme":                           {"example.com", "example.com/itwin", false},
	"opaque":                              {"example.com", "https:example.com", false},
	"empty":                               {"example.com", "", false},
	"broken":                              {"example.com", "https://[example.com/", false},
}

func TestHostAllowed(t *testing.T) {
	for name, test := range hostCases {
		t.Run(name, func(t *testing.T) {
			if got := CallbackAllowed([]string{test.pattern}, test.callback); got != test.want {
				t.Errorf("%q within %q: %v", test.callback, test.pattern, got)
			}
			if got := CallbackAllowed([]string{"other.invalid", test.pattern, "*.other.invalid"}, test.callback); got != test.want {
				t.Errorf("%q within %q among others: %v", test.callback, test.pattern, got)
			}
			if !CallbackAllowed(nil, test.callback) {
				t.Error("no patterns must allow any host")
			}
		})
	}
}

// FuzzHostAllowed: what one pattern allows is the pattern's host, or ends with it, in the eyes of DNS; and how a host
// is written makes no difference.
func FuzzHostAllowed(f *testing.F) {
	for _, c := range hostCases {
		f.Add(c.pattern, c.callback)
	}
	f.Fuzz(func(t *testing.T, pattern, callback string) {
		allowed := CallbackAllowed([]string{pattern}, callback)
		if !CallbackAllowed(nil, callback) {
			t.Fatal("no patterns must allow any host")
		}
		if !allowed {
			return
		}
		u, err := url.Parse(callback)
		if err != nil || u.User != nil || u.Host == "" {
			t.Fatalf("allowed %q, which is no URL with a host alone: %v", callback, err)
		}
		host, suffix := u.Hostname(), strings.TrimPrefix(pattern, "*.")
		expectWithin(t, host, suffix, suffix != pattern)
		for _, alike := range []string{strings.ToUpper(host), strings.TrimSuffix(host, ".") + "."} {
			if isASCII(host) && !CallbackAllowed([]string{pattern}, "https://"+alike+":8443/other") {
				t.Errorf("%q is allowed by %q, but %q is not", host, pattern, alike)
			}
		}
	})
}

// expectWithin compares hosts label by label, another way than the code does.
func expectWithin(t *testing.T, host, of string, below bool) {
	t.Helper()
	inner, outer := labelsOf(t, host), labelsOf(t, of)
	more := len(inner) - len(outer)
	if below && more < 1 || !below && more != 0 {
		t.Fatalf("allowed %q, which has %d labels more than %q", host, more, of)
	}
	for i, label := range outer {
		if inner[more+i] != label {
			t.Fatalf("allowed %q, which is not within %q", host, of)
		}
	}
	for _, label := range inner {
		if label == "" || strings.ContainsAny(label, `*/\@: `) {
			t.Fatalf("allowed %q, which is no name", host)
		}
	}
}

func labelsOf(t *testing.T, host string) []string {
	t.Helper()
	ascii, err := idna.New(idna.MapForLookup(), idna.CheckHyphens(false)).ToASCII(host)
	if err != nil {
		t.Fatalf("allowed %q: %v", host, err)
	}
	return strings.Split(strings.TrimSuffix(strings.ToLower(ascii), "."), ".")
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 }

func FuzzCanonicalHost(f *testing.F) {
	for _, c := range hostCases {
		f.Add(c.pattern)
		if u, err := url.Parse(c.callback); err == nil {
			f.Add(u.Hostname())
		}
	}
	f.Fuzz(func(t *testing.T, host string) {
		canonical, ok := platform.CanonicalHost(host)
		if !ok {
			if canonical != "" {
				t.Errorf("%q is none, but %q", host, canonical)
			}
			return
		}
		if again, ok := platform.CanonicalHost(canonical); !ok || again != canonical {
			t.Errorf("%q becomes %q, which becomes %q, %v", host, canonical, again, ok)
		}
		if !isASCII(canonical) || canonical != strings.ToLower(canonical) || strings.HasSuffix(canonical, ".") {
			t.Errorf("%q becomes %q", host, canonical)
		}
	})
}

func TestNamespaceAllowed(t *testing.T) {
	in := func(key string, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: key, Operator: metav1.LabelSelectorOpIn, Values: values},
		}}
	}
	team := map[string]string{"team": "twins", "kubernetes.io/metadata.name": "digital-twin"}
	for name, test := range map[string]struct {
		selector *metav1.LabelSelector
		labels   map[string]string
		want     bool
	}{
		"absent":                    {nil, team, false},
		"absent, no labels":         {nil, nil, false},
		"empty":                     {&metav1.LabelSelector{}, nil, true},
		"label":                     {&metav1.LabelSelector{MatchLabels: map[string]string{"team": "twins"}}, team, true},
		"label with another value":  {&metav1.LabelSelector{MatchLabels: map[string]string{"team": "other"}}, team, false},
		"label in another case":     {&metav1.LabelSelector{MatchLabels: map[string]string{"team": "Twins"}}, team, false},
		"label that is not there":   {&metav1.LabelSelector{MatchLabels: map[string]string{"team": "twins"}}, nil, false},
		"empty value, absent label": {&metav1.LabelSelector{MatchLabels: map[string]string{"team": ""}}, nil, false},
		"both of two labels": {&metav1.LabelSelector{MatchLabels: map[string]string{
			"team": "twins", "stage": "production",
		}}, team, false},
		"name of the namespace": {in("kubernetes.io/metadata.name", "digital-twin", "other"), team, true},
		"none of the values":    {in("team", "a", "b"), team, false},
		"invalid":               {in("team"), team, false},
		"unknown operator": {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "team", Operator: "Like", Values: []string{"twins"}},
		}}, team, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := NamespaceAllowed(test.selector, test.labels); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAnAPIHostIsSpelledInAnotherWayItIsJudgedTheSame(t *testing.T) {
	check := AllowHosts([]string{"api.example.com:443", "api.example.com:8443", "ims.example.com"}, false)
	for url, allowed := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com:": true, "https://API.example.com.:443/": true,
		"https://api.example.com.:8443": true, "https://api.example.com:9443": false,
		"https://ims.example.com.": true, "https://ims.example.com:9443": true, "https://localhost.": false,
	} {
		_, err := platform.New(platform.Options{APIURL: url, TokenURL: "https://ims.example.com/token", AllowHost: check})
		if (err == nil) != allowed {
			t.Errorf("%s: got %v, want allowed: %v", url, err, allowed)
		}
	}
}
