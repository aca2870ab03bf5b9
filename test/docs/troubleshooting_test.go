package docs

import (
	"testing"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestCommandsOfTroubleshooting runs the command that the page gives for each reason.
func TestCommandsOfTroubleshooting(t *testing.T) {
	t.Parallel()
	s := connected(t)
	s.trusting("")
	for _, b := range documented.PageCommands(t, "docs/troubleshooting.md") {
		if _, err := s.try(b.Text); err != nil {
			t.Errorf("%s: %v", b.Heading, err)
		}
	}
}
