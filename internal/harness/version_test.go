package harness

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// TestEveryProgramPrintsItsVersion runs each program of cmd as make built it, with no environment, no file and no other
// flag: it prints one line and nothing else, and ends with 0.
func TestEveryProgramPrintsItsVersion(t *testing.T) {
	g := NewWithT(t)
	root, err := Root()
	g.Expect(err).NotTo(HaveOccurred())
	version, err := os.ReadFile(filepath.Join(root, "VERSION"))
	g.Expect(err).NotTo(HaveOccurred())
	programs, err := os.ReadDir(filepath.Join(root, "cmd"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(programs).NotTo(BeEmpty())
	names := map[string]string{"manager": "itwin-webhook-operator", "demo": "itwin-demo"}
	for _, program := range programs {
		t.Run(program.Name(), func(t *testing.T) {
			g := NewWithT(t)
			path, err := Binary(program.Name())
			g.Expect(err).NotTo(HaveOccurred())
			name, renamed := names[program.Name()]
			if !renamed {
				name = program.Name()
			}
			command := exec.Command(path, "--version")
			command.Env, command.Dir = []string{}, t.TempDir()
			var out, logs bytes.Buffer
			command.Stdout, command.Stderr = &out, &logs
			g.Expect(command.Run()).To(Succeed(), logs.String())
			g.Expect(out.String()).To(MatchRegexp(`^%s %s \(revision ([0-9a-f]{40}(-dirty)?|unknown), %s %s/%s\)\n$`,
				name, regexp.QuoteMeta(strings.TrimSpace(string(version))), `go1\.\S+`, runtime.GOOS, runtime.GOARCH))
			g.Expect(logs.String()).To(BeEmpty())
		})
	}
}
