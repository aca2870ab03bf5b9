package main

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
)

const (
	// gcPercent lets the heap grow by a quarter of what lives before garbage is collected. Nearly all of it is cache,
	// which lives long: the usual doubling would be memory for nothing. It costs a tenth more processor time.
	gcPercent = 25
	// memoryShare is the part of the container's memory limit that the Go runtime may use. The rest is for what it
	// does not count: the pages of the program itself, and the kernel's buffers.
	memoryShare = 0.9
	// memoryPeriod is how often the limit is read again: a container can be resized while it runs.
	memoryPeriod = time.Minute
)

// memoryUsage is what --help says of the variables that limitMemory obeys.
const memoryUsage = `
Memory, set by the environment:
  GOMEMLIMIT    how much the Go runtime may use, for example 200MiB; nine tenths of the container's limit when unset.
                Near it, garbage is collected more often: the operator becomes slower before it runs out of memory.
  GOGC          by how many percent the heap may grow between two collections; 25 when unset.
`

// limitMemory makes the garbage collector keep the process within the limit of its container, until ctx is done: the
// nearer the limit, the more often it runs. The variables GOGC and GOMEMLIMIT win. Outside of a container with a limit
// it sets none.
func limitMemory(ctx context.Context, provider memlimit.Provider, log logr.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(provider),
		memlimit.WithRefreshInterval(ctx, memoryPeriod))
	switch {
	case errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
		log.V(1).Info("No container limits the memory", "reason", err.Error())
	case err != nil:
		log.Error(err, "Failed to read the container's memory limit; set GOMEMLIMIT to bound the memory of this process")
	case limit < math.MaxInt64:
		log.Info("Bounded the memory of the Go runtime", "bytes", limit)
	}
}
