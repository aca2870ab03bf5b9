package simulator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"
)

// uuidLength is that of the standard form. The platform is not known to accept the other forms of uuid.Validate.
const uuidLength = 36

// isUUID reports whether a text is a UUID in the standard form.
func isUUID(text string) bool { return len(text) == uuidLength && uuid.Validate(text) == nil }

// derivedUUIDs is the namespace of derivedUUID.
var derivedUUIDs = uuid.UUID([]byte("webhook-operator"))

// derivedUUID returns the UUID that belongs to a name: the same in every run (RFC 9562, version 8).
func derivedUUID(name string) string {
	return uuid.NewHash(sha256.New(), derivedUUIDs, []byte(".io/itwin/simulator:"+name), 8).String()
}

// randomHex returns n random bytes as 2n hexadecimal digits.
func randomHex(n int) string {
	random := make([]byte, n)
	_, _ = rand.Read(random)
	return hex.EncodeToString(random)
}
