package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// counted counts how often it is encoded.
type counted struct{ times *int }

func (c counted) MarshalJSON() ([]byte, error) {
	*c.times++
	return []byte(`"encoded"`), nil
}

func TestLazyLogWritesWhatAnEagerOneWrites(t *testing.T) {
	var eager, late bytes.Buffer
	for _, out := range []*bytes.Buffer{&eager, &late} {
		log := zap.New(zap.WriteTo(out), zap.UseDevMode(false))
		if out == &late {
			log = lazy(log)
		}
		log = log.WithName("webhook").WithValues("namespace", "shop", "name", "orders")
		other := log.WithValues("reconcileID", "1")
		log = log.WithValues("reconcileID", "2").WithName("execute")
		other.Info("Created", "webhookId", "42")
		log.Error(errors.New("refused"), "Failed", "requeueAfter", "1s")
		log.V(1).Info("Not written at this level")
	}
	if got, want := withoutTimes(late.String()), withoutTimes(eager.String()); got != want {
		t.Errorf("the lazy log wrote\n%s\nwant\n%s", got, want)
	}
}

// withoutTimes drops what differs between two runs: when a line was written, and the stack below the test.
func withoutTimes(log string) string {
	var kept []string
	for line := range strings.Lines(log) {
		_, line, _ = strings.Cut(line, `"logger"`)
		line, _, _ = strings.Cut(line, `"stacktrace"`)
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

func TestLazyLogEncodesNothingThatIsNotWritten(t *testing.T) {
	var out bytes.Buffer
	times := 0
	log := lazy(zap.New(zap.WriteTo(&out), zap.UseDevMode(false))).WithValues("object", counted{&times})
	log.V(1).Info("Not written at this level")
	if times != 0 {
		t.Errorf("encoded %d times for a line that was not written", times)
	}
	log.Info("Written")
	if times != 1 || !strings.Contains(out.String(), "encoded") {
		t.Errorf("encoded %d times for a line that was written: %s", times, &out)
	}
}
