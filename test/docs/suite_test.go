package docs

import (
	"testing"

	"webhook-operator.io/itwin/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m, harness.Suite{Name: "docs", Parallel: "3"}) }
