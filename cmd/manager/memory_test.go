package main

import (
	"errors"
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
)

func TestTheContainersLimitBoundsTheMemory(t *testing.T) {
	const container = 256 << 20
	for name, test := range map[string]struct {
		variable string
		provider memlimit.Provider
		want     int64
	}{
		"a limit":                     {provider: memlimit.Limit(container), want: container * 9 / 10},
		"no limit":                    {provider: fails(memlimit.ErrNoLimit), want: math.MaxInt64},
		"no container":                {provider: fails(memlimit.ErrNoCgroup), want: 1 << 40},
		"a limit that cannot be read": {provider: fails(errors.New("broken")), want: 1 << 40},
		"GOMEMLIMIT":                  {provider: memlimit.Limit(container), variable: "100MiB", want: 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			percent := debug.SetGCPercent(100)
			before := debug.SetMemoryLimit(1 << 40)
			t.Cleanup(func() {
				debug.SetGCPercent(percent)
				debug.SetMemoryLimit(before)
			})
			if test.variable != "" {
				// The Go runtime has read it at the start; that it stays is what is left to do.
				t.Setenv("GOMEMLIMIT", test.variable)
			}
			limitMemory(t.Context(), test.provider, logr.Discard())
			g.Expect(debug.SetMemoryLimit(-1)).To(BeNumerically("~", test.want, 1))
			g.Expect(debug.SetGCPercent(100)).To(Equal(gcPercent))
		})
	}
}

func fails(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }
