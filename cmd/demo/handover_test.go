package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is what a demo prints, which a test reads while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// upDemo runs a demo until it has said how to go on, and ends it with the test.
func upDemo(t *testing.T, s settings) *output {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	out, ended := &output{}, make(chan error, 1)
	go func() { ended <- run(ctx, s, out) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for tick := time.Tick(20 * time.Millisecond); !strings.Contains(out.String(), "What the operator logs: "); {
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("%v\n%s", err, out.String())
		case <-tick:
		}
	}
	return out
}

var printedCommand = regexp.MustCompile(`(?m)^  ((?:export|kubectl|curl) .*)$`)

// printed are the commands that a demo says can be tried, as one script.
func printed(t *testing.T, text string) string {
	t.Helper()
	_, handed, found := strings.Cut(text, "In another terminal:")
	if !found {
		t.Fatalf("it does not say how to go on:\n%s", text)
	}
	var script strings.Builder
	for _, command := range printedCommand.FindAllStringSubmatch(handed, -1) {
		line := command[1]
		if strings.Contains(line, "--insecure-callback") {
			line += " || true" // the platform would not trust the certificate
		}
		script.WriteString(line + "\n")
	}
	return script.String()
}

// try runs commands as a person would, but for the editor, which changes nothing.
func try(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Env = append(os.Environ(), "EDITOR=true", "KUBECACHEDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

func TestWhatCanBeTriedWorks(t *testing.T) {
	t.Parallel()
	out := upDemo(t, settings{})
	told := out.String()
	script := printed(t, told)
	if n := strings.Count(script, "\n"); n < 25 {
		t.Fatalf("only %d commands:\n%s", n, script)
	}
	expectInOrder(t, try(t, script),
		`webhook\S*/itwin-lifecycle +True`, `Deactivated`, `"active":true`, // both sides
		`answers 503`, `"webhooks":\["`, `condition met`, `itwin-lifecycle +False +False .* Deactivated `,
		`takes events again`, `itwin-lifecycle active`, `"webhooks":\["`,
		`"eventTypes":\["iTwins.iTwinCreated.v1","iTwins.iTwinDeleted.v1"\]`, `condition met`, // suspended
		`"eventTypes":\["iTwins.iTwinCreated.v1"\]`,
		`annotated`, `condition met`, `"webhooks":\["`,
		`NEXT STEP`, `itwin-lifecycle .* InSync`, `Trust: +not verified`, `Answer: +200 OK`,
		`no changes made`, `deleted`, `connection\S*/default +True`,
	)
	expectInOrder(t, strings.TrimPrefix(out.String(), told),
		`receiver +breaks`, `operator +Webhook itwin-lifecycle Ready=False \(Deactivated\) Active=False`,
		`receiver +is fixed`, `operator +Webhook itwin-lifecycle: Reactivated remote webhook`,
		`receiver +takes iTwins\.iTwinCreated\.v1 at /itwin/lifecycle; its signature is right`,
		`operator +Webhook itwin-lifecycle: Updated remote webhook .* eventTypes`,
		`receiver +takes iTwins\.iTwinCreated\.v1 at /itwin/lifecycle; its signature is right`,
		`operator +Webhook itwin-lifecycle is gone`,
	)
	if strings.Contains(strings.TrimPrefix(out.String(), told), "its signature is wrong") {
		t.Errorf("the receiver refused an event:\n%s", out.String())
	}
}

func TestWhatCanBeTriedOnARealPlatformWorks(t *testing.T) {
	t.Parallel()
	_, mine := otherPlatform(t)
	out := upDemo(t, settings{account: mine})
	expectInOrder(t, try(t, printed(t, out.String())),
		`webhook\S*/itwin-lifecycle`, `Created remote webhook`, `annotated`, `condition met`, `NEXT STEP`, `no changes made`,
		`deleted`,
	)
}
