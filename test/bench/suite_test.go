// Package bench counts what a fleet of Webhooks costs: the built programs run as processes, with the shipped manifests,
// on a real control plane. Every call to the platform is counted by the simulator, every request to the API server by a
// proxy before it. Counts are asserted; times, memory and CPU are only reported.
//
//	make bench N=100,1000,10000
package bench

import (
	"context"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"webhook-operator.io/itwin/internal/harness"
)

var (
	sizes     = sizeList{50}
	seedAll   = flag.Bool("seeded", false, "have every fleet in sync from the start, instead of creating it")
	interval  = flag.Duration("interval", 10*time.Second, "the pollInterval of the connections")
	reportDir = flag.String("report", "", "a `folder` for what was measured, as JSON; its performance.md, if any, gets the tables")
	simulated = flag.String("simulated", "", "a `file` with what was measured in virtual time, for the report")
)

func init() {
	flag.Var(&sizes, "n", "how many Webhooks the fleets have, as a `list` such as 100,1000,10000")
}

// sizeList is a flag.
type sizeList []int

func (l *sizeList) String() string {
	texts := make([]string, len(*l))
	for i, n := range *l {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

func (l *sizeList) Set(text string) error {
	*l = nil
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 31)
		if err != nil {
			return err
		}
		*l = append(*l, max(int(n), 1))
	}
	return nil
}

// byHand is from how many Webhooks on a run takes its time, as one with several sizes does: one test after the other,
// and more samples of everything.
const byHand = 201

func large() bool { return len(sizes) > 1 || sizes[0] >= byHand }

// pick chooses between what a run by hand does and what fits into a test.
func pick[T any](byHand, tested T) T {
	if large() {
		return byHand
	}
	return tested
}

// mostCreated is the largest fleet that the operator itself creates. Larger ones are seeded: more than 100,000 calls and
// 250,000 writes, one after the other, tell nothing that fewer do not.
const mostCreated = 10_000

// seeded reports whether a fleet of so many is in sync from the start.
func seeded(n int) bool { return *seedAll || n > mostCreated }

// sharedPlane is the control plane of all tests but those that have their own.
var sharedPlane *harness.ControlPlane

func TestMain(m *testing.M) {
	flag.Parse() // what is parallel depends on it
	harness.Main(m, harness.Suite{
		Name: "bench", Parallel: pick("1", "8"),
		Start: func(_ context.Context, p *harness.ControlPlane) error {
			sharedPlane = p
			return nil
		},
		End: func() error { return finish(os.Stdout) },
	})
}
