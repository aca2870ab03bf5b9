// Command troubleshooting writes docs/troubleshooting.md to its output.
package main

import (
	"fmt"
	"os"

	"webhook-operator.io/itwin/internal/advice"
)

func main() {
	if err := advice.WritePage(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "troubleshooting:", err)
		os.Exit(1)
	}
}
