package simulator

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestUUIDInTheStandardFormIsAccepted(t *testing.T) {
	for text, want := range map[string]bool{
		"5c9d64cf-d22f-4149-ad08-c24ff395c3a0":          true,
		"5C9D64CF-D22F-4149-AD08-C24FF395C3A0":          true,
		"5c9d64cfd22f4149ad08c24ff395c3a0":              false,
		"{5c9d64cf-d22f-4149-ad08-c24ff395c3a0}":        false,
		"urn:uuid:5c9d64cf-d22f-4149-ad08-c24ff395c3a0": false,
		"5c9d64cf-d22f-4149-ad08-c24ff395c3ag":          false,
		"":                                              false,
	} {
		t.Run(text, func(t *testing.T) {
			NewWithT(t).Expect(isUUID(text)).To(Equal(want))
		})
	}
}

// A state file has webhooks with the id of their account, and the account without it.
func TestDerivedUUIDIsTheSameInEveryVersionOfTheSimulator(t *testing.T) {
	g := NewWithT(t)
	g.Expect(derivedUUID("service-a")).To(Equal("112e17ae-c4c0-8c50-86d0-b6a8b3599e45"))
	g.Expect(derivedUUID("service-b")).NotTo(Equal(derivedUUID("service-a")))
}
