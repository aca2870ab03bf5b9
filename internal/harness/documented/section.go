package documented

import (
	"slices"
	"strings"
	"testing"
)

// Commands are the blocks of commands under a heading that a test runs, which are those without a mark. The heading is
// written with its number signs. The test fails when there are not as many as it expects.
func Commands(t testing.TB, page, heading string, count int) []string {
	t.Helper()
	return section(t, page, heading, count, Block.Commands)
}

// Texts are the blocks of another language under a heading, such as yaml, without those that are marked.
func Texts(t testing.TB, page, heading, language string, count int) []string {
	t.Helper()
	return section(t, page, heading, count, func(b Block) bool { return b.Language == language })
}

// PageCommands are all blocks of commands of a page that is generated: a test runs whatever is added to it.
func PageCommands(t testing.TB, page string) (blocks []Block) {
	t.Helper()
	read, err := Read(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range read.Blocks {
		if b.Commands() && b.Reason == "" {
			blocks = append(blocks, b)
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no commands", page)
	}
	return blocks
}

func section(t testing.TB, name, heading string, count int, wanted func(Block) bool) (texts []string) {
	t.Helper()
	page, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	var there int
	for _, h := range page.Headings {
		if h == heading {
			there++
		}
	}
	if there != 1 {
		t.Fatalf("%s has the heading %q %d times: a test needs one", name, heading, there)
	}
	for _, b := range page.Blocks {
		if b.Heading == heading && b.Reason == "" && wanted(b) {
			texts = append(texts, b.Text)
		}
	}
	if len(texts) != count {
		t.Fatalf("%s has %d blocks to run under %q, and the test runs %d", name, len(texts), heading, count)
	}
	return texts
}

// Dialogue are the commands of a console block, each with the lines that it prints.
type Dialogue struct{ Command, Output string }

// Dialogues splits a console block at its prompts. A command goes on in the next line after a backslash.
func Dialogues(block string) (all []Dialogue) {
	continued := false
	for line := range strings.Lines(block) {
		command, prompted := strings.CutPrefix(line, "$ ")
		switch {
		case prompted:
			all = append(all, Dialogue{Command: command})
		case len(all) == 0:
			continue
		case continued:
			all[len(all)-1].Command += line
		default:
			all[len(all)-1].Output += line
		}
		continued = (prompted || continued) && strings.HasSuffix(line, "\\\n")
	}
	return slices.Clip(all)
}
