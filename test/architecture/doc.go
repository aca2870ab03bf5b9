// Package architecture checks the rules of the code: which layer may import which, that deciding is pure, and that
// remote calls and writes of a status have one place each. Its tests apply the rules to this repository.
package architecture

import "fmt"

// Breach is a rule that is broken, and where.
type Breach struct {
	Where, What string
}

func (b Breach) String() string { return fmt.Sprintf("%s: %s", b.Where, b.What) }
