package drawing

import (
	"fmt"
	"math"
)

// scale is how a value from a size on is written.
type scale struct {
	from, factor float64
	suffix       string
}

// units are those of Grafana that the dashboard uses, each from its coarsest scale to its finest.
var units = map[string][]scale{
	"short":       {{1000, 1000, " K"}, {0, 1, ""}},
	"percentunit": {{0, 0.01, "%"}},
	"s":           {{3600, 3600, " h"}, {60, 60, " min"}, {1, 1, " s"}, {0, 0.001, " ms"}},
	"bytes":       {{1 << 20, 1 << 20, " MiB"}, {1 << 10, 1 << 10, " KiB"}, {0, 1, " B"}},
	"reqps":       {{0, 1, " req/s"}},
	"ops":         {{0, 1, " ops/s"}},
}

// value writes a number in a unit, with three digits.
func value(unit string, v float64) (string, error) {
	for _, s := range units[unit] {
		if math.Abs(v) >= s.from {
			return fmt.Sprintf("%.3g%s", v/s.factor, s.suffix), nil
		}
	}
	return "", fmt.Errorf("%v of the unit %q cannot be written", v, unit)
}
