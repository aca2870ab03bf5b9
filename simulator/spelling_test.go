package simulator

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestNormaliseURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example.com/x":                  "https://a.example.com/x",
		"HTTPS://A.Example.com":                    "https://a.example.com/",
		"https://a.example.com:443/X":              "https://a.example.com/X",
		"https://a.example.com:8443":               "https://a.example.com:8443/",
		"https://a.example.com:80/":                "https://a.example.com:80/",
		"http://a.example.com:80?q=%c3%A9#%2f":     "http://a.example.com/?q=%C3%A9#%2F",
		"https://[2001:DB8::1]:443/":               "https://[2001:db8::1]/",
		"https://User:Pass%2f@A.example.com/a//b?": "https://User:Pass%2F@a.example.com/a//b?",
	} {
		NewWithT(t).Expect(normaliseURL(text)).To(Equal(want), text)
	}
}

func TestDecodeUnreserved(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example.com/x":               "https://a.example.com/x",
		"https://a.example.com/%7euser/%41%2D":  "https://a.example.com/~user/A-",
		"https://a.example.com/%2f%3F?q=%c3%A9": "https://a.example.com/%2f%3F?q=%c3%A9",
		"https://a.example.com/%2541?%5f=%30#%": "https://a.example.com/%2541?_=0#%",
	} {
		NewWithT(t).Expect(decodeUnreserved(text)).To(Equal(want), text)
	}
}

func TestSplitMarker(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example.com/?itwin-webhook":             "https://a.example.com/",
		"https://a.example.com/?itwin-webhook=a/b":         "https://a.example.com/",
		"https://a.example.com/?itwin%2Dwebhook=x&b=%2f":   "https://a.example.com/?b=%2f",
		"https://a.example.com/?b&itwin-webhook=x&c&#frag": "https://a.example.com/?b&c&#frag",
	} {
		without, found := splitMarker(text)
		NewWithT(t).Expect(without).To(Equal(want), text)
		NewWithT(t).Expect(found).To(BeTrue(), text)
	}
	for _, text := range []string{
		"https://a.example.com/", "https://a.example.com/?", "https://a.example.com/itwin-webhook?itwin-webhooks=1",
		"https://a.example.com/?a=itwin-webhook", "https://a.example.com/#?itwin-webhook=x",
	} {
		without, found := splitMarker(text)
		NewWithT(t).Expect(without).To(Equal(text))
		NewWithT(t).Expect(found).To(BeFalse(), text)
	}
}
