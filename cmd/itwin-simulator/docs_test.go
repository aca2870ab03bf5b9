package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness/documented"
	"webhook-operator.io/itwin/signature"
)

const (
	// scriptTimeout is how long the commands of the page may take, the build included.
	scriptTimeout = 3 * time.Minute
	secret        = "0123456789abcdef0123456789abcdef"
	previous      = "fedcba9876543210fedcba9876543210"
)

// freePort is one that no program listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return port
}

// commands are what the page shows below headings, with ports that are free, and built from this repository.
func commands(t *testing.T, blocks ...string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	const build = "go build -o bin/itwin-simulator "
	script := strings.Replace(strings.Join(blocks, ""), build, "go -C '"+root+`' build -o "$PWD/bin/itwin-simulator" `, 1)
	return strings.NewReplacer(":8090", ":"+freePort(t), ":3000", ":"+freePort(t)).Replace(script)
}

// shell runs a script in a folder, and returns what it prints. What it leaves running ends with the test.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	if err != nil {
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, log := range logs {
			text, _ := os.ReadFile(log)
			_, _ = fmt.Fprintf(&out, "%s: %s\n", filepath.Base(log), text)
		}
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// portEnv makes the receiver listen where the commands expect it.
func portEnv(t *testing.T, script string) string {
	t.Helper()
	found := regexp.MustCompile(`:(\d+)/events\\?"`).FindStringSubmatch(script)
	NewWithT(t).Expect(found).NotTo(BeNil())
	return "PORT=" + found[1]
}

const deleted = `accepted iModels\.iModelDeleted\.v1 [0-9a-f-]{36} `

func TestCommandsOfThePage(t *testing.T) {
	g := NewWithT(t)
	var blocks []string
	for _, section := range [][]string{
		documented.Commands(t, "docs/simulator.md", "## Develop a receiver", 6),
		documented.Commands(t, "docs/simulator.md", "### When the secret changes", 1),
		documented.Commands(t, "docs/simulator.md", "### When the receiver is down", 2),
	} {
		blocks = append(blocks, section...)
	}
	script := commands(t, blocks...)
	out := shell(t, t.TempDir(), script, portEnv(t, script))

	expectInOrder(g, out,
		`"secret":"[0-9a-f]{64}"`, `"active":true`, deleted+`\{"imodelId":"24659f92-[0-9a-f-]+"\}\n`,
		`listening\n`+deleted+`\{\}\n`+deleted+`\{\}\n`, // with the previous secret, and with the current one
		`"attempt":13,[^}]*"outcome":"gaveUp"`, `"active":false`,
	)
	g.Expect(out).NotTo(ContainSubstring("refused\n"))
}

func TestCommandsOfThePageAboutTLS(t *testing.T) {
	g := NewWithT(t)
	first := documented.Commands(t, "docs/simulator.md", "## Develop a receiver", 6)
	build, _, _ := strings.Cut(first[0], "\n")
	tls := documented.Commands(t, "docs/simulator.md", "### Callbacks with TLS", 2)
	script := commands(t, build+"\n", first[1], tls[0], tls[1])
	dir := t.TempDir()
	out := shell(t, dir, script, portEnv(t, script))

	expectInOrder(g, out, `"active":true,"callbackUrl":"https://localhost:\d+/events"`, `listening\n`+deleted+`\{\}\n`)
	g.Expect(filepath.Glob(filepath.Join(dir, "*"))).To(ConsistOf(HaveSuffix("bin"), HaveSuffix("receiver.js")))
}

// expectInOrder checks that all patterns are found, each behind the one before.
func expectInOrder(g *WithT, output string, patterns ...string) {
	rest := output
	for _, pattern := range patterns {
		found := regexp.MustCompile(pattern).FindStringIndex(rest)
		g.Expect(found).NotTo(BeNil(), "%q is not where it should be in\n%s", pattern, output)
		rest = rest[found[1]:]
	}
}

// TestReceiverOfThePage sends the receiver what its readers' receivers may get.
func TestReceiverOfThePage(t *testing.T) {
	g := NewWithT(t)
	dir, port := t.TempDir(), freePort(t)
	shell(t, dir, documented.Commands(t, "docs/simulator.md", "## Develop a receiver", 6)[1])
	url := startReceiver(t, dir, port)

	event := []byte(`{"content":{},"eventType":"a.b.v1","messageId":"d0d5ae2b","webhookId":"64bf51b3"}`)
	other := []byte(`{"content":{},"eventType":"a.b.v1","messageId":"d0d5ae2b","webhookId":"e6989b43"}`)
	synthetic := []byte(`{"content":{"synthetic":true},"iTwinId":"00000000-0000-0000-0000-000000000000","messageId":"3"}`)
	for _, test := range []struct {
		name, method, header string
		body                 []byte
		want                 int
		logged               string
	}{
		{"a right signature", "POST", signature.Sign(secret, event), event, 200, "accepted a.b.v1 d0d5ae2b {}"},
		{"the same message again", "POST", signature.Sign(secret, event), event, 200, "duplicate d0d5ae2b"},
		{"the same for another webhook", "POST", signature.Sign(secret, other), other, 200, "accepted a.b.v1 d0d5ae2b {}"},
		{"a test of the route", "POST", signature.Sign(secret, synthetic), synthetic, 200, "tested 3"},
		{
			"the previous secret", "POST", signature.Sign(previous, []byte(`{"messageId":"2"}`)), []byte(`{"messageId":"2"}`), 200,
			"accepted undefined 2 undefined",
		},
		{"digits in upper case", "POST", "sha256=" + strings.ToUpper(signature.Sign(secret, event)[7:]), event, 200, "duplicate d0d5ae2b"},
		{"another secret", "POST", signature.Sign("another", event), event, 401, "refused"},
		{"no signature", "POST", "", event, 401, "refused"},
		{"no scheme", "POST", signature.Sign(secret, event)[7:], event, 401, "refused"},
		{"another scheme", "POST", strings.Replace(signature.Sign(secret, event), "256", "1", 1), event, 401, "refused"},
		{"too few digits", "POST", signature.Sign(secret, event)[:69], event, 401, "refused"},
		{"an odd number of digits", "POST", signature.Sign(secret, event)[:70], event, 401, "refused"},
		{"too many digits", "POST", signature.Sign(secret, event) + "00", event, 401, "refused"},
		{"no digits", "POST", "sha256=", event, 401, "refused"},
		{"no hexadecimal digits", "POST", "sha256=" + strings.Repeat("xy", 32), event, 401, "refused"},
		{"another body", "POST", signature.Sign(secret, event), append(event, '\n'), 401, "refused"},
		{"no JSON", "POST", signature.Sign(secret, []byte("{")), []byte("{"), 500, "failed"},
		{"null", "POST", signature.Sign(secret, []byte("null")), []byte("null"), 500, "failed"},
		{"GET", "GET", "", nil, 405, ""},
		{"more than a MiB", "POST", "", bytes.Repeat([]byte("x"), 1<<20+1), 413, ""},
	} {
		before := readLog(g, dir)
		status := send(t, test.method, url, test.header, test.body)
		g.Expect(status).To(Equal(test.want), test.name)
		logged := strings.TrimPrefix(readLog(g, dir), before)
		if test.logged == "" {
			g.Expect(logged).To(BeEmpty(), test.name)
			continue
		}
		g.Expect(logged).To(HavePrefix(test.logged), test.name)
	}
}

func TestReceiverOfThePageNeedsASecret(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	shell(t, dir, documented.Commands(t, "docs/simulator.md", "## Develop a receiver", 6)[1])
	cmd := exec.CommandContext(t.Context(), "node", "receiver.js")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PORT=0", "WEBHOOK_SECRET=", "WEBHOOK_SECRET_PREVIOUS=")
	out, err := cmd.CombinedOutput()
	g.Expect(err).To(HaveOccurred())
	g.Expect(string(out)).To(ContainSubstring("WEBHOOK_SECRET is not set"))
}

func readLog(g *WithT, dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "receiver.log"))
	g.Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// startReceiver runs the receiver with two secrets until the test ends.
func startReceiver(t *testing.T, dir, port string) (url string) {
	t.Helper()
	g := NewWithT(t)
	log, err := os.Create(filepath.Join(dir, "receiver.log"))
	g.Expect(err).NotTo(HaveOccurred())
	cmd := exec.CommandContext(t.Context(), "node", "receiver.js")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "PORT="+port, "WEBHOOK_SECRET="+secret, "WEBHOOK_SECRET_PREVIOUS="+previous)
	g.Expect(cmd.Start()).To(Succeed())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	g.Eventually(func() string { return readLog(g, dir) }).WithTimeout(time.Minute).Should(ContainSubstring("listening"))
	return "http://127.0.0.1:" + port
}

// send sends a request, and returns the status of the answer.
func send(t *testing.T, method, url, header string, body []byte) int {
	t.Helper()
	g := NewWithT(t)
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	g.Expect(err).NotTo(HaveOccurred())
	if header != "" {
		request.Header.Set(signature.Header, header)
	}
	response, err := http.DefaultClient.Do(request)
	g.Expect(err).NotTo(HaveOccurred())
	_, _ = io.Copy(io.Discard, response.Body)
	g.Expect(response.Body.Close()).To(Succeed())
	return response.StatusCode
}
