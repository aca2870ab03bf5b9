package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestPluginIsArchivedForEachPlatform(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	r := exampleRelease(t, t.TempDir())
	program := filepath.Join(t.TempDir(), "built")
	g.Expect(os.WriteFile(program, []byte("a program"), 0o600)).To(Succeed())
	r.plugins = map[string]string{}
	g.Expect(r.addPlugin("linux/arm64=" + program)).To(Succeed())
	g.Expect(r.addPlugin("windows/amd64=" + program)).To(Succeed())
	for _, bad := range []string{"linux=" + program, "linux/arm64", "/arm64=" + program} {
		g.Expect(r.addPlugin(bad)).NotTo(Succeed(), bad)
	}

	g.Expect(r.run()).To(HaveOccurred(), "what is no Go program has no modules")
	g.Expect(r.writePlugins()).To(Succeed())

	made := files(t, r.out)
	for archive, name := range map[string]string{
		"kubectl-itwin-0.2.0-linux-arm64.tar.gz":   "kubectl-itwin",
		"kubectl-itwin-0.2.0-windows-amd64.tar.gz": "kubectl-itwin.exe",
	} {
		g.Expect(entries(g, made[archive])).To(And(HaveLen(2), HaveKeyWithValue("LICENSE", int64(0o644)),
			HaveKeyWithValue(name, int64(0o755))), archive)
	}
}

// entries are the modes of the files in an archive.
func entries(g *WithT, archive string) map[string]int64 {
	unzipped, err := gzip.NewReader(bytes.NewReader([]byte(archive)))
	g.Expect(err).NotTo(HaveOccurred())
	modes := map[string]int64{}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return modes
		}
		g.Expect(err).NotTo(HaveOccurred())
		modes[header.Name] = header.Mode
	}
}
