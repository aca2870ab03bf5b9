package plan

import (
	"testing"
	"time"
)

func TestSameURL(t *testing.T) {
	for _, pair := range [][2]string{
		{"https://h.example.com", "https://h.example.com/"},
		{"https://H.Example.com/x", "https://h.example.com/x"},
		{"HTTPS://h.example.com/x", "https://h.example.com/x"},
		{"https://h.example.com:443/x", "https://h.example.com/x"},
		{"https://h.example.com/%7euser", "https://h.example.com/~user"},
		{"https://h.example.com/a%2fb", "https://h.example.com/a%2Fb"},
		{"https://h.example.com/a/./b/../c", "https://h.example.com/a/c"},
		{"https://h.example.com/a/..", "https://h.example.com/"},
		{"https://h.example.com/%2e%2e/x", "https://h.example.com/x"},
		{"https://h.example.com/a/%2E/b", "https://h.example.com/a/b"},
		{"https://h.example.com/../../x", "https://h.example.com/x"},
		{"https://h.example.com/a//../b", "https://h.example.com/a/b"},
		{"https://h.example.com/a/b/.", "https://h.example.com/a/b/"},
		{"https://h.example.com/.a/..b/...", "https://h.example.com/.a/./..b/..."},
		{"https://h.example.com:/x", "https://h.example.com/x"},
		{"https://h.example.com?a=%41", "https://h.example.com?a=A"},
		{"https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"},
		{"https://XN--BCHER-KVA.example/x", "https://xn--bcher-kva.example/x"},
		{"https://h.example.com?sig=%2b", "https://h.example.com/?sig=%2B"},
		{"https://xn--bcher-kva.example/x", "https://b\u00fccher.example/x"},
	} {
		if !SameURL(pair[0], pair[1]) || !SameURL(pair[1], pair[0]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"https://h.example.com/x", "https://h.example.com/X"},
		{"https://h.example.com/x", "https://h.example.com/x/"},
		{"https://h.example.com/a//b", "https://h.example.com/a/b"},
		{"https://h.example.com/x", "http://h.example.com/x"},
		{"https://h.example.com:8443/x", "https://h.example.com/x"},
		{"https://h.example.com/x?a=1&b=2", "https://h.example.com/x?b=2&a=1"},
		{"https://h.example.com/a%2Fb", "https://h.example.com/a/b"},
		{"https://h.example.com/x", "https://h.example.com/x?"},
		{"https://h.example.com/x", "://"},
		{"https://user@h.example.com/x", "https://h.example.com/x"},
		{"https://h.example.com/x#a", "https://h.example.com/x"},
		{"https:a", "https:b"},
		{"https://h.example.com/x?a=%zz", "https://h.example.com/x?a=%ZZ"},
		{"https://h.example.com/x?a=A", "https://h.example.com/x?a=a"},
		{"https://h.example.com/x?a=%26", "https://h.example.com/x?a=&"},
		{"https://h.example.com/x?a=%2b", "https://h.example.com/x?a=+"},
		{"https://h.example.com/x?a=+", "https://h.example.com/x?a=%20"},
		{"https://h.example.com/x?/a/../b", "https://h.example.com/x?/b"},
		{"https://h.example.com//x", "https://h.example.com/x"},
		{"https://h.example.com/a%2f..%2fb", "https://h.example.com/b"},
		{"https://h.example.com/x%25", "https://h.example.com/x%2525"},
		{"https://h.example.com:80/x", "https://h.example.com/x"},
		{"https://h.example.com/x", "https://h.example.com.evil.example/x"},
		{"https://[::1:8080]/x", "https://[::1]:8080/x"},
	} {
		if SameURL(pair[0], pair[1]) || SameURL(pair[1], pair[0]) {
			t.Errorf("%q and %q are not the same", pair[0], pair[1])
		}
	}
}

func TestSameTime(t *testing.T) {
	fraction, whole := noon.Add(123456789), noon
	for name, test := range map[string]struct {
		reported, said time.Time
		same           bool
	}{
		"the same":                                     {fraction, fraction, true},
		"another zone":                                 {fraction, fraction.In(time.FixedZone("CET", 3600)), true},
		"nothing was reported":                         {time.Time{}, fraction, true},
		"the platform says nothing":                    {fraction, time.Time{}, true},
		"the platform leaves the fraction out":         {fraction, whole, true},
		"the platform adds a fraction":                 {whole, fraction, true},
		"less than a microsecond is not kept":          {fraction, fraction.Truncate(time.Microsecond), true},
		"another microsecond":                          {fraction, fraction.Add(time.Microsecond), false},
		"another second":                               {fraction, fraction.Add(time.Second), false},
		"another second without a fraction":            {whole, whole.Add(time.Second), false},
		"another second, and the fraction is left out": {fraction, whole.Add(time.Second), false},
		"an earlier time is another one, too":          {fraction, fraction.Add(-time.Hour), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sameTime(PlatformTime(test.reported), test.said); got != test.same {
				t.Errorf("got %t for %s and %s", got, test.reported, test.said)
			}
		})
	}
}

func TestLearnSpelling(t *testing.T) {
	const sent = "https://h.example.com/x"
	for answered, test := range map[string]struct {
		before string
		learns bool
	}{
		"https://h.example.com/x/":             {learns: true},
		"https://h.example.com/X":              {learns: true},
		"https://h.example.com/x?":             {learns: true},
		"https://h.example.com/x?code=1":       {before: "https://h.example.com/old", learns: true},
		"https://h.example.com/y":              {},
		"https://h.example.com/old":            {before: "https://h.example.com:443/old"},
		"https://other.example.com/x/":         {before: sent},
		"https://h.example.com:8443/x":         {before: "https://h.example.com/old"},
		"http://h.example.com/x/":              {before: "https://h.example.com/old"},
		sent + "/?itwin-webhook=1":             {before: "https://h.example.com/old"},
		"https://h.example.com:443/x":          {before: "https://h.example.com/old"},
		"h.example.com":                        {before: "https://h.example.com/old"},
		"https://h.example.com@other.example/": {before: "https://h.example.com/old"},
		"https://user:pw@h.example.com/x":      {before: "https://h.example.com/old"},
	} {
		f := &Facts{Webhook: fresh().Webhook}
		f.Webhook.Spec.CallbackURL = sent
		f.LearnSpelling(earlierThan(test.before), answered)
		if learned := f.Spelling != (Spelling{}); learned != test.learns {
			t.Errorf("%q after %q: learned is %v", answered, test.before, learned)
		}
		if test.learns && !f.SameCallback(answered) {
			t.Errorf("%q does not count as equal", answered)
		}
		f.Webhook.Spec.CallbackURL = "https://h.example.com/next"
		if f.SameCallback(answered) {
			t.Errorf("%q counts as equal to another spec", answered)
		}
	}
}

func earlierThan(callback string) (e EarlierCallbacks) {
	if callback != "" {
		e.Had = []string{callback}
	}
	return e
}
