package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"webhook-operator.io/itwin/internal/platform"
)

// AccountOf identifies the account that a connection reaches: the host of apiUrl, a slash, and 16 hex digits of the
// hash of apiUrl, tokenUrl and clientId. Spellings of a URL that mean the same give the same account.
func AccountOf(apiURL, tokenURL, clientID string) string {
	api, host := normalise(apiURL)
	token, _ := normalise(tokenURL)
	sum := sha256.Sum256([]byte(api + "\n" + token + "\n" + clientID))
	return host + "/" + hex.EncodeToString(sum[:8])
}

// normalise returns a URL in one spelling, without slashes at the end, and its host. What is no URL stays as it is.
func normalise(text string) (normal, host string) {
	u, ok := platform.NormalURL(text)
	if !ok {
		return text, ""
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u.String(), u.Host
}
