package export

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
)

const (
	// longSegment is how long a part of a callback may be that only people chose.
	longSegment = 24
	// randomLength and randomEntropy (bits for each character) are from where on a part looks as if it was generated.
	randomLength, randomEntropy = 12, 3.2
)

const mayBeToken = "The %s of the callbackUrl looks like it holds a token, which this manifest then holds, too:\n" +
	"keep it out of Git unless you know that it is none."

// tokenComment warns of a callbackUrl that may hold a credential, which the manifest then holds, too.
func tokenComment(callback string) string {
	u, err := url.Parse(callback)
	if err != nil {
		return ""
	}
	switch {
	case slices.ContainsFunc(strings.Split(u.Path, "/"), looksGenerated):
		return fmt.Sprintf(mayBeToken, "path")
	case anyLooksGenerated(u.Query()):
		return fmt.Sprintf(mayBeToken, "query")
	case u.RawQuery != "":
		return "The callbackUrl has a query: make sure that it holds no credential before you commit it."
	}
	return ""
}

func anyLooksGenerated(query url.Values) bool {
	for _, values := range query {
		if slices.ContainsFunc(values, looksGenerated) {
			return true
		}
	}
	return false
}

// looksGenerated reports whether a part of a URL may be a token: it is long, or has letters and digits in no order.
func looksGenerated(part string) bool {
	if len(part) >= longSegment {
		return true
	}
	return len(part) >= randomLength && strings.ContainsAny(part, "0123456789") && entropy(part) >= randomEntropy
}

// entropy is that of the characters of a text, in bits for each.
func entropy(text string) (bits float64) {
	counts := map[rune]int{}
	for _, r := range text {
		counts[r]++
	}
	for _, n := range counts {
		p := float64(n) / float64(len([]rune(text)))
		bits -= p * math.Log2(p)
	}
	return bits
}
