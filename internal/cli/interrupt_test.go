package cli

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"webhook-operator.io/itwin/internal/buildinfo"
)

// silence is a standard input on which nothing comes. reads is closed by the first read.
type silence struct{ reads chan struct{} }

func (s silence) Read([]byte) (int, error) {
	close(s.reads)
	select {}
}

func TestCtrlCEndsCommandsThatWaitForWhatDoesNotAnswer(t *testing.T) {
	for _, args := range [][]string{
		{"status"}, {"check"}, {"report", "-o", "-"}, {"reconcile", "a"}, {"export", "--connection", "a"}, {"test", "a"},
		{"verify-signature", "--signature", "sha256=00", "--secret", "s"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			ctx, interrupt := context.WithCancel(t.Context())
			in := silence{make(chan struct{})}
			code, problems, connected := start(ctx, t, in, args)
			select {
			case <-in.reads:
			case <-connected:
			}
			interrupt()
			g.Eventually(code).WithTimeout(time.Minute).Should(Receive(Equal(1)))
			g.Expect(string(problems.Contents())).To(Equal("error: interrupted\n"))
		})
	}
}

func TestACompletionDoesNotWaitForLong(t *testing.T) {
	for _, args := range [][]string{{"status", ""}, {"status", "-n", ""}, {"export", "--connection", ""}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			code, _, _ := start(t.Context(), t, silence{}, append([]string{"__complete"}, args...))
			NewWithT(t).Eventually(code).WithTimeout(time.Minute).Should(Receive(BeZero()))
		})
	}
}

// start runs one command line with an API server that accepts connections and never answers.
func start(ctx context.Context, t *testing.T, in silence, args []string) (
	code chan int, problems *gbytes.Buffer, connected chan struct{},
) {
	t.Helper()
	g := NewWithT(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = listener.Close() })
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(os.WriteFile(kubeconfig, nil, 0o600)).To(Succeed())
	connected, code, problems = make(chan struct{}, 1), make(chan int, 1), gbytes.NewBuffer()
	go func() {
		if connection, err := listener.Accept(); err == nil {
			connected <- struct{}{}
			<-t.Context().Done()
			_ = connection.Close()
		}
	}()
	streams := genericiooptions.IOStreams{In: in, Out: gbytes.NewBuffer(), ErrOut: problems}
	line := []string{args[0], "--server=http://" + listener.Addr().String(), "--kubeconfig=" + kubeconfig}
	go func() { code <- Run(ctx, append(line, args[1:]...), streams, buildinfo.Of("0.2.0", "")) }()
	return code, problems, connected
}
