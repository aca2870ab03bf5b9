package itwintest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func TestGoInTheDocumentationIsThatOfTheExample(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../docs/testing.md")
	g.Expect(err).NotTo(HaveOccurred())
	files, err := filepath.Glob("../examples/itwintest/*.go")
	g.Expect(err).NotTo(HaveOccurred())
	var sources strings.Builder
	for _, file := range files {
		source, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		sources.Write(source)
	}

	blocks := goBlock.FindAllStringSubmatch(string(page), -1)

	g.Expect(blocks).NotTo(BeEmpty())
	for _, block := range blocks {
		g.Expect(sources.String()).To(ContainSubstring(block[1]))
	}
}
