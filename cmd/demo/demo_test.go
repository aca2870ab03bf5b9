package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

func TestMain(m *testing.M) {
	harness.Main(m, harness.Suite{Name: "demo"})
}

// expectInOrder checks that the output matches all patterns, each behind the one before.
func expectInOrder(t *testing.T, output string, patterns ...string) {
	t.Helper()
	rest := output
	for _, pattern := range patterns {
		found := regexp.MustCompile(pattern).FindStringIndex(rest)
		if found == nil {
			t.Fatalf("the output lacks %q where it should be:\n%s", pattern, output)
		}
		rest = rest[found[1]:]
	}
}

func TestTheWholeStoryOnThisMachine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), settings{once: true}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	expectInOrder(t, out.String(),
		`platform +http://127\.0\.0\.1:\d+, simulated`,
		`you +kubectl apply -k config/samples`,
		`operator +Webhook itwin-lifecycle Ready=True \(InSync\) Active=True \(Active\)`,
		`receiver +takes iTwins\.iTwinCreated\.v1 at /itwin/lifecycle; its signature is right`,
		`receiver +breaks`,
		`platform +3 days pass: 13 attempts to deliver it failed`,
		`operator +Webhook itwin-lifecycle: Reactivated remote webhook`,
		`receiver +is fixed`,
		`receiver +takes iTwins\.iTwinCreated\.v1`,
		`you +kubectl edit webhook model-events`,
		`operator +Webhook model-events: Updated remote webhook .* eventTypes`,
		`you +kubectl delete webhook model-events`,
		`All 6 steps passed\.`,
	)
}

// otherPlatform is one that the demo did not start, as Bentley's is.
func otherPlatform(t *testing.T) (*harness.Simulator, *account) {
	t.Helper()
	platform, err := harness.StartSimulator(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = platform.Kill() })
	return platform, &account{
		clientID: "service-mine", clientSecret: "test-secret", apiURL: platform.URL, tokenURL: platform.TokenURL(),
	}
}

func TestARealPlatformIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	platform, mine := otherPlatform(t)
	var out bytes.Buffer
	if err := run(t.Context(), settings{once: true, account: mine}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	expectInOrder(t, out.String(),
		`platform +`+regexp.QuoteMeta(platform.URL)+`\n`,
		`operator +Webhook itwin-lifecycle Ready=True \(InSync\) Active=False \(Inactive\)`,
		`operator +Webhook itwin-lifecycle: Updated remote webhook`,
		`All 2 steps passed\.`,
		`you +kubectl delete webhooks --all`,
	)
	left, err := platform.Webhooks(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("left on the platform: %v, %v", left, err)
	}
	counts, err := platform.Requests(t.Context())
	if err != nil || counts.Counts["POST /webhooks"] != 1 {
		t.Errorf("nothing was created at all: %v, %v", counts, err)
	}
}

func TestAFailureNamesItsStep(t *testing.T) {
	t.Parallel()
	_, mine := otherPlatform(t)
	mine.iTwinID = "no-uuid"
	var out bytes.Buffer
	err := run(t.Context(), settings{once: true, account: mine}, &out)
	if err == nil {
		t.Fatal("no error")
	}
	const logs = "what the programs wrote is in "
	if _, dir, found := strings.Cut(err.Error(), logs); found {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	for _, want := range []string{"step 1 of 2, the sample is applied", "spec.scopeId", logs} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}

func TestAnInterruptedDemoCleansUp(t *testing.T) {
	t.Parallel()
	platform, mine := otherPlatform(t)
	if err := platform.Fault(t.Context(), simulator.Fault{Times: simulator.Forever, Action: "status:503"}); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out := &trigger{on: "kubectl apply", do: interrupt}
	if err := run(ctx, settings{account: mine}, out); !errors.Is(err, errInterrupted) {
		t.Errorf("got %v\n%s", err, out.String())
	}
	expectInOrder(t, out.String(), "kubectl apply", "Cleaning up", "kubectl delete webhooks --all")
}

// trigger does something when something is printed.
type trigger struct {
	bytes.Buffer
	on string
	do func()
}

func (t *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(t.on)) {
		t.do()
	}
	return t.Buffer.Write(p)
}

func TestSettings(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	if s := settingsFrom(env()); s.once || s.account != nil {
		t.Errorf("by default: %+v", s)
	}
	if s := settingsFrom(env("DEMO_ONCE", "1", "ITWIN_CLIENT_ID", "mine")); !s.once || s.account != nil {
		t.Errorf("half of the credentials: %+v", s)
	}
	s := settingsFrom(env("ITWIN_CLIENT_ID", "mine", "ITWIN_CLIENT_SECRET", "test-secret", "ITWIN_ID", "i"))
	if s.account == nil || s.account.apiURL != "https://api.bentley.com" || s.account.webhook() != modelsWebhook {
		t.Errorf("a real platform: %+v", s)
	}
}

func TestOnlyTheHostsOfTheAccountAreAllowed(t *testing.T) {
	for name, test := range map[string]struct {
		settings settings
		want     string
	}{
		"simulated platform → no flag": {settings{}, ""},
		"an account → the hosts of both URLs": {
			settings{account: &account{apiURL: "https://qa-api.example.com", tokenURL: "https://qa-ims.example.com:8443/token"}},
			"--allowed-api-hosts=qa-api.example.com,qa-ims.example.com",
		},
		"an account on loopback → no flag": {
			settings{account: &account{apiURL: "http://127.0.0.1:8090", tokenURL: "http://[::1]:8090/connect/token"}}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(test.settings.managerFlags(), " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestVersionIsToldWhenItIsAskedFor(t *testing.T) {
	var out bytes.Buffer
	if tellVersion(flag.NewFlagSet("demo", flag.ContinueOnError), nil, &out) || out.Len() > 0 {
		t.Errorf("told %q without being asked", out.String())
	}
	told := tellVersion(flag.NewFlagSet("demo", flag.ContinueOnError), []string{"--version"}, &out)
	if want := regexp.MustCompile(`^itwin-demo dev \(revision \S+, go\S+ \S+\)\n$`); !told || !want.MatchString(out.String()) {
		t.Errorf("got %q", out.String())
	}
}
