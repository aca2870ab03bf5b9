// Package architecture checks the rules of the code that the compiler cannot: which layer may import which, that each
// controller writes statuses in one place, and which words are used. Its tests apply the rules to this repository.
package architecture

import "fmt"

// Breach is a rule that is broken, and where.
type Breach struct {
	Where, What string
}

func (b Breach) String() string { return fmt.Sprintf("%s: %s", b.Where, b.What) }
