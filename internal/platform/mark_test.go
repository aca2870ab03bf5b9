package platform

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

const owner = "7a0f3a5e-35f2-4c6b-9b1c-1b0f5f1f2d3c"

func TestMarkAddsOneParameterAndChangesNothingElse(t *testing.T) {
	for callback, marked := range map[string]string{
		"https://h.example":            "https://h.example?itwin-webhook=" + owner,
		"https://h.example/a%2Fb":      "https://h.example/a%2Fb?itwin-webhook=" + owner,
		"https://h.example/?sig=a%2bb": "https://h.example/?sig=a%2bb&itwin-webhook=" + owner,
		"https://h.example/?":          "https://h.example/?&itwin-webhook=" + owner,
	} {
		if got := Mark(callback, owner); got != marked || MarkOf(got) != owner || MarkOf(callback) != "" {
			t.Errorf("Mark(%q) is %q with the owner %q", callback, got, MarkOf(got))
		}
	}
}

func TestMarkOfReadsEverySpelling(t *testing.T) {
	for callback, want := range map[string]string{
		"https://h/?itwin-webhook=ABC":                   "abc",
		"https://h/?%69twin%2Dwebhook=a%62c":             "abc",
		"https://h/?ITWIN-WEBHOOK=abc":                   "abc",
		"https://h/?a=1&itwin-webhook=x&itwin-webhook=y": "y",
		"https://h/?itwin-webhook=abc#itwin-webhook=d":   "abc",
		"https://h/#?itwin-webhook=abc":                  "abc",
		"https://h/itwin-webhook=abc":                    "",
		"https://h/?itwin-webhook=%zz":                   "",
		"https://h/?itwin-webhoo%E2%84%AA=abc":           "",
		"https://h/?%49twin-webhook=abc":                 "abc",
		"https://h/?other-itwin-webhook=abc":             "",
		"":                                               "",
	} {
		if got := MarkOf(callback); got != want {
			t.Errorf("MarkOf(%q) is %q, not %q", callback, got, want)
		}
	}
}

func FuzzMark(f *testing.F) {
	f.Add("https://h.example/?a=%zz;b")
	f.Add("?")
	f.Fuzz(func(t *testing.T, callback string) {
		_ = MarkOf(callback)
		if u, err := url.Parse(callback); err != nil || u.Fragment != "" || strings.Contains(callback, "#") {
			return
		}
		if got := MarkOf(Mark(callback, owner)); got != owner {
			t.Errorf("the mark of %q is read as %q", callback, got)
		}
	})
}

func TestWebhookTimeIsReadInEveryForm(t *testing.T) {
	want := time.Date(2023, 10, 12, 18, 25, 39, 0, time.UTC)
	for form, read := range map[string]time.Time{
		`"2023-10-12T18:25:39Z"`:          want,
		`"2023-10-12T18:25:39.500Z"`:      want.Add(500 * time.Millisecond),
		`"2023-10-12T18:25:39"`:           want,
		`"2023-10-12T18:25:39.5"`:         want.Add(500 * time.Millisecond),
		`"2023-10-12T20:25:39+02:00"`:     want,
		`1697135139`:                      want,
		`1697135139000`:                   want,
		`null`:                            {},
		`""`:                              {},
		`"yesterday"`:                     {},
		`{"$date":"2023-10-12T18:25:39"}`: {},
		`-1`:                              {},
		`1e300`:                           {},
	} {
		var w Webhook
		body := `{"id":"a","active":true,"callbackUrl":"https://h/?itwin-webhook=ABC","created":` + form + `,"modified":` + form + `}`
		if err := json.Unmarshal([]byte(body), &w); err != nil {
			t.Errorf("%s: %v", form, err)
		}
		if !w.Created.Equal(read) || !w.Modified.Equal(read) {
			t.Errorf("%s is read as %s, not %s", form, w.Created, read)
		}
		if w.Mark != "abc" {
			t.Errorf("the mark is %q", w.Mark)
		}
	}
}
