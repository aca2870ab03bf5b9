package output

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWhatCouldChangeWhatATerminalShowsIsLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\tc\r":             "a b c ",
		"\x1b[31mred\x07":       " [31mred ",
		"\u009b31m":             " 31m",
		"user\u202etxt.exe":     "user txt.exe",
		"\u2066a\u2069\u200fb":  " a  b",
		"a\u2028b\u2029c":       "a b c",
		"a\xffb":                "a b",
		"Füße, 世界, e\u0301: ok": "Füße, 世界, e\u0301: ok",
	} {
		NewWithT(t).Expect(Clean(text)).To(Equal(want), "%q", text)
	}
}

func TestARowIsOneLine(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	rows := NewRows(&out, "NAME", "MESSAGE")
	g.Expect(rows.Add("a", "one\ntwo\u202e")).To(Succeed())
	g.Expect(rows.Flush()).To(Succeed())
	g.Expect(out.String()).To(Equal("NAME   MESSAGE\na      one two \n"))
}
