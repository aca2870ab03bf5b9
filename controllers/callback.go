package controllers

import "webhook-operator.io/itwin/internal/platform"

// sameURL reports whether two callbacks mean the same. The platform may spell one in another way than it was given.
func sameURL(a, b string) bool {
	if a == b {
		return true
	}
	normalA, okA := platform.NormalURL(a)
	normalB, okB := platform.NormalURL(b)
	return okA && okB && normalA.String() == normalB.String()
}
