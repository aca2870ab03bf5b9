package architecture

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var target = regexp.MustCompile(`\bmake ([a-z-]+)`)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeNamesTargetsThatExist(t *testing.T) {
	seen := map[string]bool{}
	for _, found := range target.FindAllStringSubmatch(readme(t), -1) {
		name := found[1]
		if seen[name] {
			continue
		}
		seen[name] = true
		cmd := exec.Command("make", "--dry-run", name)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil && strings.Contains(string(out), "No rule to make target") {
			t.Errorf("make %s: %s", name, out)
		}
	}
	if len(seen) < 4 {
		t.Errorf("found only the targets %v", seen)
	}
}
