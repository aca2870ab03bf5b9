package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/signature"
)

const (
	secret   = "0123456789abcdef0123456789abcdef"
	previous = "the-secret-before-the-last-rotation"
	body     = `{"content":{},"eventType":"iModels.iModelDeleted.v1","messageId":"m","webhookId":"e6989b43"}`
)

// verify runs the command. Secrets are written to files, which end in the number that they have.
func verify(t *testing.T, header, received string, secrets ...string) (out string, line string) {
	t.Helper()
	args := []string{"--signature", header}
	for i, s := range secrets {
		path := filepath.Join(t.TempDir(), string(rune('1'+i)))
		NewWithT(t).Expect(os.WriteFile(path, []byte(s), 0o600)).To(Succeed())
		args = append(args, "--secret-file", path)
	}
	return run(t, received, args...)
}

func run(t *testing.T, received string, args ...string) (out string, line string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(received), Out: &stdout, ErrOut: &stderr}
	command := NewCommand(env.New(streams, buildinfo.Of("0.2.0", "0123abc")))
	command.SetArgs(args)
	command.SilenceErrors, command.SilenceUsage = true, true
	err := command.ExecuteContext(t.Context())
	if err != nil {
		line = strings.Join(problem.Lines(err), "\n")
	}
	g := NewWithT(t)
	g.Expect(errors.Is(err, problem.ErrReported)).To(Equal(strings.HasPrefix(stdout.String(), "no: ")), "an answer, and no error")
	g.Expect(stderr.String()).To(BeEmpty())
	return stdout.String(), line
}

func TestTheSecretIsRight(t *testing.T) {
	g := NewWithT(t)
	signed := signature.Sign(secret, []byte(body))
	for _, header := range []string{signed, strings.ToUpper(signed), " Signature: " + signed + "\n"} {
		out, line := verify(t, header, body, secret, previous)
		g.Expect(line).To(BeEmpty())
		g.Expect(out).To(MatchRegexp(`^yes: .*/1\n$`))
	}
	t.Setenv(SecretVariable, secret)
	out, line := run(t, body, "--signature", signed)
	g.Expect(line).To(BeEmpty())
	g.Expect(out).To(ContainSubstring(SecretVariable))
	out, _ = run(t, body, "--signature", signed, "--secret", secret)
	g.Expect(out).To(ContainSubstring("secret 1"))
}

func TestItSaysWhyNot(t *testing.T) {
	signed := signature.Sign(secret, []byte(body))
	for name, c := range map[string]struct {
		header, body string
		secrets      []string
		want         string
		unasked      bool // the question is incomplete, so there is no answer
	}{
		"a newline at the end of the secret": {signed, body, []string{secret + "\n"}, "without the newline at its end", false},
		"the secret as kubectl shows it": {
			signed, body, []string{base64.StdEncoding.EncodeToString([]byte(secret))}, "base64-decoded", false,
		},
		"a body that was encoded again":  {signed, strings.ReplaceAll(body, ":", ": "), []string{secret}, "raw bytes", false},
		"the previous secret":            {signature.Sign(previous, []byte(body)), body, []string{secret, previous}, "/2", false},
		"another webhook's secret":       {signature.Sign(previous, []byte(body)), body, []string{secret}, `webhook "e6989b43"`, false},
		"an empty body":                  {signed, "", []string{secret}, "the body is empty", false},
		"a body that is no event":        {signed, "hello", []string{secret}, "no event either", false},
		"no signature":                   {"", body, []string{secret}, "--signature", true},
		"a signature without its scheme": {strings.TrimPrefix(signed, "sha256="), body, []string{secret}, "sha256=", true},
		"half a signature":               {signed[:40], body, []string{secret}, "64 hexadecimal digits", true},
		"no secret":                      {signed, body, nil, "--secret-file", true},
		"an empty secret":                {signed, body, []string{""}, "the secret is empty", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv(SecretVariable, "")
			out, line := verify(t, c.header, c.body, c.secrets...)
			if c.unasked {
				g.Expect(out).To(BeEmpty())
				g.Expect(line).To(ContainSubstring(c.want))
			} else {
				g.Expect(line).To(BeEmpty())
				g.Expect(out).To(And(MatchRegexp(`^no: [^\n]+\n$`), ContainSubstring(c.want)))
			}
			for _, s := range []string{secret, previous} {
				g.Expect(out + line).NotTo(ContainSubstring(s))
			}
		})
	}
}

func TestAFileThatIsMissingOrTooLargeIsTold(t *testing.T) {
	g := NewWithT(t)
	_, line := run(t, body, "--signature", "sha256=", "--secret-file", filepath.Join(t.TempDir(), "none"))
	g.Expect(line).To(ContainSubstring("cannot read"))
	_, line = run(t, strings.Repeat(" ", maxBody+1), "--signature", "sha256=", "--secret", secret)
	g.Expect(line).To(ContainSubstring("standard input has more than 16384 KiB"))
}
