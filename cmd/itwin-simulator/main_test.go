package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// begin runs the program and returns where it listens, and how to end it.
func begin(t *testing.T, args ...string) (base string, end func() error) {
	t.Helper()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, in, io.Discard) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	base = strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
	return base, func() error {
		cancel()
		return <-ended
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	g := NewWithT(t)
	response, err := http.Get(address)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	g.Expect(err).NotTo(HaveOccurred())
	return string(body)
}

func TestProgram(t *testing.T) {
	g := NewWithT(t)
	state := filepath.Join(t.TempDir(), "state.json")
	args := []string{"--listen", "127.0.0.1:0", "--state", state, "--time-scale", "0", "--latency", "1ms"}
	base, end := begin(t, args...)
	g.Expect(base).To(MatchRegexp(`^http://127\.0\.0\.1:[1-9][0-9]*$`))
	response, err := http.PostForm(base+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"me"}, "client_secret": {"secret"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.Body.Close()).To(Succeed())
	g.Expect(response).To(HaveHTTPStatus(http.StatusOK))
	clock := get(t, base+"/simulator/clock")
	g.Expect(end()).To(Succeed())

	args[1] = ":0"
	base, end = begin(t, args...)
	g.Expect(base).To(MatchRegexp(`^http://127\.0\.0\.1:[1-9][0-9]*$`))
	g.Expect(get(t, base+"/simulator/clock")).To(Equal(clock))
	g.Expect(end()).To(Succeed())
}

func TestVariantFlags(t *testing.T) {
	g := NewWithT(t)
	base, end := begin(t, "--listen", "127.0.0.1:0", "--variant", "ids-upper", "--variant", "lists-lag=5s")
	variants := get(t, base+"/simulator/variants")
	g.Expect(end()).To(Succeed())

	g.Expect(variants).To(MatchRegexp(`"name":"ids-upper",[^}]*"on":true}`))
	g.Expect(variants).To(MatchRegexp(`"name":"lists-lag",[^}]*"on":true,"value":"5s"}`))
	g.Expect(strings.Count(variants, `"on":true`)).To(Equal(2))
}

func TestEventTypesFlag(t *testing.T) {
	for _, args := range [][]string{
		{"--event-types", "a.b.v1, iTwins.iTwinCreated.v1"},
		{"--event-types", "a.b.v1", "--event-types", "iTwins.iTwinCreated.v1"},
		{"--event-types", "documented,a.b.v1"},
	} {
		g := NewWithT(t)
		base, end := begin(t, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
		seed := func(eventType string) int {
			body := `{"webhooks":[{"clientId":"me","scope":"Account","callbackUrl":"https://hooks.example.com","eventTypes":["` +
				eventType + `"]}]}`
			response, err := http.Post(base+"/simulator/webhooks", "application/json", strings.NewReader(body))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(response.Body.Close()).To(Succeed())
			return response.StatusCode
		}
		for eventType, want := range map[string]int{
			"a.b.v1": http.StatusCreated, "iTwins.iTwinCreated.v1": http.StatusCreated,
			"iTwins.iTwinCraeted.v1": http.StatusBadRequest, "documented": http.StatusBadRequest,
		} {
			g.Expect(seed(eventType)).To(Equal(want), "%v: %s", args, eventType)
		}
		g.Expect(end()).To(Succeed())
	}
}

func TestFlagsAreDocumented(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../../docs/simulator.md")
	g.Expect(err).NotTo(HaveOccurred())
	var usage strings.Builder
	g.Expect(run(t.Context(), []string{"-h"}, io.Discard, &usage)).To(MatchError(flag.ErrHelp))
	flags := regexp.MustCompile(`(?m)^  -(\S+)`).FindAllStringSubmatch(usage.String(), -1)
	g.Expect(flags).NotTo(BeEmpty())
	for _, name := range flags {
		g.Expect(strings.Contains(string(page), "\n| `--"+name[1]+"` |")).To(BeTrue(), name[1])
	}
}

func TestVersionIsAllThatIsPrinted(t *testing.T) {
	g := NewWithT(t)
	var out, logs strings.Builder
	g.Expect(run(t.Context(), []string{"--version"}, &out, &logs)).To(Succeed())
	g.Expect(out.String()).To(MatchRegexp(`^itwin-simulator dev \(revision \S+, go\S+ \S+\)\n$`))
	g.Expect(logs.String()).To(BeEmpty())
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such-flag"}, {"argument"}, {"--latency", "soon"}, {"--requests-per-minute", "-1"}, {"--time-scale", "-2"},
		{"--listen", "nowhere"}, {"--state", t.TempDir()}, {"--variant", "no-such-variant"}, {"--variant", "lists-lag=soon"},
		{"--event-types", "iModelDeleted"}, {"--event-types", ""}, {"--event-types", "a.b.v1,"},
	} {
		NewWithT(t).Expect(run(t.Context(), args, io.Discard, io.Discard)).NotTo(Succeed(), "%v", args)
	}
}
