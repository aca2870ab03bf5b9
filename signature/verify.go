package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"
)

const (
	// Header is the name of the header that holds the signature.
	Header = "Signature"
	// scheme is what the platform names its algorithm in the header.
	scheme = "sha256"
)

// Verify returns nil when the value of the Signature header was made of exactly this body with one of the secrets: the
// current one and, while a rotation is under way, the previous one. Empty secrets are left out, so that a previous
// secret that is not there can be passed as "". Every secret is tried, and each comparison takes constant time, so how
// long it takes does not tell which secret came near.
//
// The errors are ErrNoSecret, ErrMissing, a *MalformedError and ErrMismatch. The digits may have either case.
func Verify(header string, body []byte, secrets ...string) error {
	if !anySecret(secrets) {
		return ErrNoSecret
	}
	given, err := parse(header)
	if err != nil {
		return err
	}
	equal := 0
	for _, secret := range secrets {
		if secret != "" {
			equal |= subtle.ConstantTimeCompare(given, digest(secret, body))
		}
	}
	if equal == 0 {
		return ErrMismatch
	}
	return nil
}

// Sign returns the value of the Signature header for a body, as the platform makes it: for tests of receivers.
func Sign(secret string, body []byte) string {
	return scheme + "=" + hex.EncodeToString(digest(secret, body))
}

func anySecret(secrets []string) bool {
	for _, secret := range secrets {
		if secret != "" {
			return true
		}
	}
	return false
}

// parse returns the bytes of the signature in a header.
func parse(header string) ([]byte, error) {
	if header == "" {
		return nil, ErrMissing
	}
	name, digits, found := strings.Cut(header, "=")
	if !found || strings.ToLower(name) != scheme {
		return nil, &MalformedError{PartScheme}
	}
	given, err := hex.DecodeString(digits)
	switch {
	case err != nil && !errors.Is(err, hex.ErrLength):
		return nil, &MalformedError{PartHex}
	case err != nil || len(given) != sha256.Size:
		return nil, &MalformedError{PartLength}
	}
	return given, nil
}

func digest(secret string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}
