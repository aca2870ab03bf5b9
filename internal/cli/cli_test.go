package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"webhook-operator.io/itwin/internal/buildinfo"
)

// run runs one command line with a kubeconfig that does not exist.
func run(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr}
	code = Run(t.Context(), args, streams, buildinfo.Of("0.2.0", "0123abc"))
	return code, stdout.String(), stderr.String()
}

func TestVersionIsOneLine(t *testing.T) {
	g := NewWithT(t)
	code, out, problems := run(t, "--version")
	g.Expect(code).To(BeZero())
	g.Expect(out).To(HavePrefix("kubectl-itwin 0.2.0 (revision 0123abc, go"))
	g.Expect(problems).To(BeEmpty())
}

func TestWithoutArgumentsTheHelpIsShown(t *testing.T) {
	g := NewWithT(t)
	code, out, problems := run(t)
	g.Expect(code).To(BeZero())
	g.Expect(out).To(ContainSubstring("kubectl itwin"))
	g.Expect(problems).To(BeEmpty())
}

func TestWrongUseIsOneLineThatNamesTheHelp(t *testing.T) {
	for _, args := range [][]string{{"no-such-command"}, {"--no-such-flag"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			g := NewWithT(t)
			code, out, problems := run(t, args...)
			g.Expect(code).To(Equal(1))
			g.Expect(out).To(BeEmpty())
			g.Expect(problems).To(MatchRegexp(`^error: [^\n]*%s[^\n]*--help"\n$`, strings.TrimLeft(args[0], "-")))
		})
	}
}
