package bench

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
)

// operator is one manager behind a proxy of its own.
type operator struct {
	*harness.Manager
	*proxy
	flags []string
	// address is where it shows its metrics.
	address string
}

// startOperator starts one, which the end of the test stops.
func (s *scene) startOperator(flags ...string) *operator {
	s.Helper()
	p, err := startProxy(s.plane.Config)
	s.must(err)
	s.Cleanup(p.server.Close)
	address, err := harness.FreeAddress()
	s.must(err)
	o := &operator{proxy: p, address: address}
	o.flags = slices.Concat([]string{"--kubeconfig=" + p.kubeconfig(s)}, harness.MetricsFlags(address), flags)
	s.start(o)
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("the operator wrote to %s", o.OutputPath())
		}
		if err := o.Stop(); err != nil {
			s.Error(err)
		}
	})
	return o
}

func (s *scene) start(o *operator) {
	s.Helper()
	manager, err := s.plane.StartManager(s.ctx, o.flags...)
	s.must(err)
	o.Manager = manager
}

// metrics are what the operator shows now.
func (s *scene) metrics(o *operator) harness.Metrics {
	s.Helper()
	metrics, err := harness.ReadMetrics(s.ctx, o.address)
	s.must(err)
	return metrics
}

// reconciles is how often the operator has looked at a Webhook.
func (s *scene) reconciles(o *operator) int {
	s.Helper()
	return int(s.metrics(o).Sum("controller_runtime_reconcile_total", harness.Labels{"controller": "webhook"}))
}

// quiet waits until no Webhook waits to be looked at and no list is taken over, and returns since when. Asking for the
// metrics costs processor time, which is measured: an operator that works is not asked.
func (s *scene) quiet(o *operator) (since time.Time) {
	s.Helper()
	s.Eventually(func() float64 {
		since = s.idleSince(o)
		metrics := s.metrics(o)
		return metrics.Sum("workqueue_depth", harness.Labels{"name": "webhook"}) +
			metrics.Sum("controller_runtime_active_workers", nil)
	}).Should(BeZero(), "Webhooks wait to be looked at")
	return since
}

// idle is for how long an operator that has nothing to do uses no processor time.
const idle = 150 * time.Millisecond

// idleSince waits until an operator is idle, but for 15 s at most.
func (s *scene) idleSince(o *operator) time.Time {
	s.Helper()
	since, used := time.Now(), s.cpu(o)
	for begun := since; time.Since(since) < idle && time.Since(begun) < 100*idle; time.Sleep(idle / 10) {
		if now := s.cpu(o); now != used {
			since, used = time.Now(), now
		}
	}
	return since
}

// compared waits until all Webhooks were compared with the first list after a start, and returns since when they are.
func (s *story) compared() (since time.Time) {
	s.Helper()
	s.awaitCalls(lists, 1)
	since = s.quiet(s.operator)
	s.Expect(s.reconciles(s.operator)).To(BeNumerically(">=", len(s.names)))
	return since
}

// ticksPerSecond is the unit of /proc/pid/stat, the same on every Linux that Go runs on.
const ticksPerSecond = 100

// cpu is how much processor time a process has used.
func (s *scene) cpu(o *operator) time.Duration {
	s.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.Pid()))
	s.must(err)
	// The name of the program, in parentheses, may hold spaces; utime and stime are the 12th and 13th after it.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	s.must(err)
	system, err := strconv.Atoi(fields[12])
	s.must(err)
	return time.Duration(user+system) * (time.Second / ticksPerSecond)
}

// memory is how much of a process is resident, now or at most so far, in MiB.
func (s *scene) memory(o *operator, field string) float64 {
	s.Helper()
	path := fmt.Sprintf("/proc/%d/status", o.Pid())
	kib := kibOf(path, field)
	s.Expect(kib).NotTo(BeZero(), "%s has no %s", path, field)
	return kib / 1024
}

// Fields of /proc/pid/status.
const (
	resident     = "VmRSS"
	mostResident = "VmHWM"
)
