package documented

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"webhook-operator.io/itwin/internal/harness/repository"
)

// Page is one Markdown file.
type Page struct {
	// Name is its path in the repository, with slashes.
	Name string
	// Headings are its headings with their number signs, in their order.
	Headings []string
	Blocks   []Block
	// Prose is the text with the blocks and inline code left out, for links.
	Prose string
	// Problems are marks without a block, and blocks without an end.
	Problems []string
}

// Block is a fenced block.
type Block struct {
	Page string
	// Heading is the one that the block is under, with its number signs.
	Heading string
	// Language is what follows the opening fence.
	Language string
	// Text is what is between the fences, without their indentation.
	Text string
	// Line is the number of the opening fence.
	Line int
	// Reason why no test runs it, from the mark before it.
	Reason string
}

// String says where the block is.
func (b Block) String() string { return fmt.Sprintf("%s:%d (%s)", b.Page, b.Line, b.Language) }

// Commands reports whether the block has commands to run.
func (b Block) Commands() bool {
	switch b.Language {
	case "sh", "bash", "console":
		return true
	}
	return false
}

var (
	heading = regexp.MustCompile(`^#{1,6} .*[^ #]`)
	fence   = regexp.MustCompile("^( *)```([a-z]*)$")
	mark    = regexp.MustCompile(`^ *<!-- not run: (.+) -->$`)
	code    = regexp.MustCompile("`[^`]+`")
)

// Read reads a page of the repository.
func Read(name string) (*Page, error) {
	root, err := repository.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name))) //nolint:gosec // the caller says which page
	if err != nil {
		return nil, err
	}
	return Parse(name, string(text)), nil
}

// Parse reads the text of a page.
func Parse(name, text string) *Page {
	p := &parser{page: &Page{Name: name}}
	for line := range strings.Lines(text) {
		p.number++
		p.read(strings.TrimSuffix(line, "\n"))
	}
	if p.open != nil {
		p.problem("the block does not end")
	}
	p.unused()
	p.page.Prose = code.ReplaceAllString(p.prose.String(), "``")
	return p.page
}

type parser struct {
	page   *Page
	number int
	open   *Block
	indent string
	reason string
	prose  strings.Builder
}

func (p *parser) read(line string) {
	opened := fence.FindStringSubmatch(line)
	switch {
	case p.open != nil && opened != nil && opened[2] == "":
		p.page.Blocks = append(p.page.Blocks, *p.open)
		p.open = nil
	case p.open != nil:
		p.open.Text += strings.TrimPrefix(line, p.indent) + "\n"
	case opened != nil:
		p.indent = opened[1]
		p.open = &Block{Page: p.page.Name, Heading: p.heading(), Language: opened[2], Line: p.number, Reason: p.reason}
		p.reason = ""
	default:
		p.outside(line)
	}
}

// outside reads a line of prose.
func (p *parser) outside(line string) {
	p.unused()
	if marked := mark.FindStringSubmatch(line); marked != nil {
		p.reason = marked[1]
		return
	}
	if heading.MatchString(line) {
		p.page.Headings = append(p.page.Headings, line)
	}
	p.prose.WriteString(line + "\n")
}

// unused reports a mark that no block follows.
func (p *parser) unused() {
	if p.reason != "" {
		p.problem("a mark must be in the line before a block")
		p.reason = ""
	}
}

func (p *parser) problem(what string) {
	p.page.Problems = append(p.page.Problems, fmt.Sprintf("%s:%d: %s", p.page.Name, p.number, what))
}

func (p *parser) heading() string {
	if len(p.page.Headings) == 0 {
		return ""
	}
	return p.page.Headings[len(p.page.Headings)-1]
}
