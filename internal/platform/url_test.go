package platform_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

func TestWithoutQueriesCutsWhatMayBeSecret(t *testing.T) {
	for text, short := range map[string]string{
		"was https://h.example.com/x?code=secret now":      "was https://h.example.com/x?… now",
		`"HTTPS://h.example.com/x?code=secret" is wrong`:   `"HTTPS://h.example.com/x?…" is wrong`,
		"https://h.example.com/x?a=1'secret":               "https://h.example.com/x?…",
		"https://h.example.com/x?a=(1)secret":              "https://h.example.com/x?…",
		"https://h.example.com/it's?code=secret":           "https://h.example.com/it's?…",
		"https://user:secret@h.example.com/x":              "https://…@h.example.com/x",
		"https://secret@[::1]:8443?code=secret":            "https://…@[::1]:8443?…",
		"https://h.example.com/x@y is right":               "https://h.example.com/x@y is right",
		"<a href=https://h.example.com/?secret>there</a>":  "<a href=https://h.example.com/?…>there</a>",
		"https://h.example.com/x? and https://h/?b=secret": "https://h.example.com/x?… and https://h/?…",
	} {
		NewWithT(t).Expect(platform.WithoutQueries(text)).To(Equal(short))
	}
}

// The normal form of a URL is its own normal form, and that of its other spellings.
func TestNormalURL(t *testing.T) {
	for text, normal := range map[string]string{
		"HTTPS://H.Example.COM:443":            "https://h.example.com/",
		"https://h.example.com:/":              "https://h.example.com/",
		"https://h.example.com:8443":           "https://h.example.com:8443/",
		"https://h.example.com/a/./b/../c/%2e": "https://h.example.com/a/c/",
		"https://h.example.com/%7Ea%2fb%c3%a9": "https://h.example.com/~a%2Fb%C3%A9",
		"https://h.example.com/é":              "https://h.example.com/%C3%A9",
		"https://bücher.example/":              "https://xn--bcher-kva.example/",
		"https://h.example.com/..//x":          "https://h.example.com//x",
		"https://h.example.com?":               "https://h.example.com/?",
		"https://h.example.com/?a=%7e%2F":      "https://h.example.com/?a=~%2F",
		"https://[2001:DB8::1]:443/x":          "https://[2001:db8::1]/x",
	} {
		g := NewWithT(t)
		for _, spelled := range []string{text, normal} {
			u, ok := platform.NormalURL(spelled)
			g.Expect(ok).To(BeTrue(), spelled)
			g.Expect(u.String()).To(Equal(normal), spelled)
		}
	}
	for _, text := range []string{"", "h.example.com", "https://", "https://h.example.com/%zz", "https:///x", "\xff", "https://h\x7f/"} {
		_, ok := platform.NormalURL(text)
		NewWithT(t).Expect(ok).To(BeFalse(), text)
	}
}
