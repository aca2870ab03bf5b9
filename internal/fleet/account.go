package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// AccountOf identifies the account that a connection reaches: the host of apiUrl, a slash, and 16 hex digits of the
// hash of apiUrl, tokenUrl and clientId. Spellings of a URL that mean the same give the same account.
func AccountOf(apiURL, tokenURL, clientID string) string {
	api, host := normalise(apiURL)
	token, _ := normalise(tokenURL)
	sum := sha256.Sum256([]byte(api + "\n" + token + "\n" + clientID))
	return host + "/" + hex.EncodeToString(sum[:8])
}

// normalise returns a URL in one spelling, and its host: scheme and host in lower case, without the default port and
// without slashes at the end. What is no URL stays as it is.
func normalise(text string) (normal, host string) {
	u, err := url.Parse(text)
	if err != nil {
		return text, ""
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	defaults := map[string]string{"https": ":443", "http": ":80"}
	if port := defaults[u.Scheme]; port != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u.String(), u.Host
}
