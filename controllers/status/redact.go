package status

import (
	"encoding/base64"
	"strings"
)

// minRedacted is the length, in bytes, from which a value is taken for a secret: shorter ones occur by chance. A
// signing secret has at least 32 characters.
const minRedacted = 32

// Redact leaves secrets out of a text, plain and as an object holds them. An admission policy may quote what it
// refuses.
func Redact(text string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) >= minRedacted {
			text = strings.ReplaceAll(text, secret, "…")
			text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(secret)), "…")
		}
	}
	return text
}
