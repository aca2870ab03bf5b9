package docs

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

var (
	inline = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	linked = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
)

// link leads from a page to a file of the repository, and perhaps to a heading of it.
type link struct{ from, to, anchor string }

// links of a page to files of the repository.
func links(page *documented.Page) (all []link) {
	for _, found := range inline.FindAllStringSubmatch(page.Prose, -1) {
		if strings.Contains(found[1], "://") || strings.HasPrefix(found[1], "mailto:") {
			continue
		}
		file, anchor, _ := strings.Cut(found[1], "#")
		to := page.Name
		if file != "" {
			to = path.Join(path.Dir(page.Name), file)
		}
		all = append(all, link{page.Name, to, anchor})
	}
	return all
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(page *documented.Page) map[string]bool {
	all := map[string]bool{}
	for _, heading := range page.Headings {
		text := linked.ReplaceAllString(strings.TrimLeft(heading, "# "), "$1")
		all[anchor(text)] = true
	}
	return all
}

func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	root, pages := allPages(t)
	var checked int
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, l := range links(pages[name]) {
			checked++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(l.to))); err != nil {
				t.Errorf("%s links to %s, which does not exist", l.from, l.to)
				continue
			}
			if to := pages[l.to]; l.anchor != "" && to != nil && !anchors(to)[l.anchor] {
				t.Errorf("%s links to %s#%s: it has no such heading", l.from, l.to, l.anchor)
			}
		}
	}
	NewWithT(t).Expect(checked).To(BeNumerically(">", 100))
}

func TestEveryPageIsFoundFromReadme(t *testing.T) {
	_, pages := allPages(t)
	seen := map[string]bool{"README.md": true}
	for next := []string{"README.md"}; len(next) > 0; {
		page := pages[next[0]]
		next = next[1:]
		for _, l := range links(page) {
			if pages[l.to] != nil && !seen[l.to] {
				seen[l.to] = true
				next = append(next, l.to)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		if !seen[name] {
			t.Errorf("no page that can be reached from README.md links to %s", name)
		}
	}
}

func TestAnchorsAreThoseOfGitHub(t *testing.T) {
	for heading, want := range map[string]string{
		"Flags of the manager": "flags-of-the-manager", "`apiUrl`, and more": "apiurl-and-more",
		"0.2.0": "020", "Kubernetes' own": "kubernetes-own", "A – B": "a--b",
	} {
		NewWithT(t).Expect(anchor(heading)).To(Equal(want), heading)
	}
}

func allPages(t *testing.T) (root string, pages map[string]*documented.Page) {
	t.Helper()
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	pages, err = readPages(root)
	g.Expect(err).NotTo(HaveOccurred())
	return root, pages
}
