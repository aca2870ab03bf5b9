package docs

import (
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// varying are the parts of an output that differ each time, and what stands for them.
var varying = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`https?://(127\.0\.0\.1:\d+|api\.bentley\.com|ims\.bentley\.com|hooks\.example\.com)`), "URL"},
	{regexp.MustCompile(`\b(127\.0\.0\.1:\d+|hooks\.example\.com)`), "HOST"},
	{regexp.MustCompile(`\b\d+(m\d+s|s|m|ms)\b( \(x\d+ over \d+\w+\))?`), "AGE"},
	{regexp.MustCompile(` +`), " "},
}

// shown is an output without what differs each time.
func shown(output string) string {
	for _, v := range varying {
		output = v.pattern.ReplaceAllString(output, v.by)
	}
	return strings.ReplaceAll(output, " \n", "\n")
}

// matchShown expects an output as a page shows it. Three dots stand for what the page leaves out: lines, or the end of one.
func matchShown(page string) types.GomegaMatcher {
	pattern := regexp.QuoteMeta("\n" + shown(page))
	pattern = strings.ReplaceAll(pattern, "\n"+regexp.QuoteMeta("..."), "(\n.*)*?")
	pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta("...")+"\n", ".*\n")
	return WithTransform(func(output string) string { return "\n" + output }, MatchRegexp("^"+pattern+"$"))
}

func TestShownOutputIsCompared(t *testing.T) {
	const output = "NAME   AGE\na      5s\nb      3m2s\n"
	for page, same := range map[string]bool{
		"NAME AGE\na    7s\nb    1s\n": true, "NAME AGE\n...\nb 1s\n": true, "...\nb 1s\n": true, "NAME AGE\n...\n": true,
		"NAME ...\na 7s\nb 1s\n": true, "NAME ...\nb 1s\n": false,
		"NAME AGE\na 7s\n": false, "NAME AGE\na 7s\nc 1s\n": false, "": false,
	} {
		g := NewWithT(t)
		if same {
			g.Expect(shown(output)).To(matchShown(page))
		} else {
			g.Expect(shown(output)).NotTo(matchShown(page))
		}
	}
}
