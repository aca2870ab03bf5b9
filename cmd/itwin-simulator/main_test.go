package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
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
	response, err := http.Get(address) //nolint:gosec // the address is the program's own
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

	base, end = begin(t, args...)
	g.Expect(get(t, base+"/simulator/clock")).To(Equal(clock))
	g.Expect(end()).To(Succeed())
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such-flag"}, {"argument"}, {"--latency", "soon"}, {"--requests-per-minute", "-1"}, {"--time-scale", "-2"},
		{"--listen", "nowhere"}, {"--state", t.TempDir()},
	} {
		NewWithT(t).Expect(run(t.Context(), args, io.Discard, io.Discard)).NotTo(Succeed(), "%v", args)
	}
}
