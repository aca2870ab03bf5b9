package simtest

import "webhook-operator.io/itwin/internal/proof"

const (
	anID = "e6989b43-53ab-45e2-a610-560c6f7e879e"

	anAccount      = "api.bentley.com/0123456789abcdef"
	anotherAccount = "api.bentley.com/fedcba9876543210"
)

var owned = proof.Remote{Account: anAccount, ID: anID}
