package figures

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func example() Report {
	t := &Table{Title: "A fleet"}
	t.Set("100", Row{Work: "create: calls", Budget: "2N + 3"}, 202)
	t.Set("100", Row{Work: "create: time", Unit: Seconds}, 1.2345)
	t.Set("10000", Row{Work: "create: calls", Budget: "2N + 3"}, 20002)
	t.Set("10000", Row{Work: "memory", Unit: MiB, Budget: "140 MiB"}, 133.4)
	t.Set("10000", Row{Work: "create: time", Unit: Seconds}, 194.6)
	return Report{Machine: "two cores", Tables: []*Table{t, {Title: "Nothing was measured"}}}
}

const printed = `
| A fleet       | 100   | 10000   | budget  |
| ---           | ---   | ---     | ---     |
| create: calls | 202   | 20002   | 2N + 3  |
| create: time  | 1.23s | 3m15s   |         |
| memory        | –     | 133 MiB | 140 MiB |
`

func TestPrintedTableHasARowPerFigureAndAColumnPerSize(t *testing.T) {
	var text strings.Builder
	if err := example().Print(&text); err != nil {
		t.Fatal(err)
	}
	if text.String() != printed {
		t.Errorf("got %s", text.String())
	}
}

func TestSavedReportLoadsAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures.json")
	if err := example().Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := loaded.Print(&text); err != nil {
		t.Fatal(err)
	}
	if text.String() != printed || loaded.Machine != example().Machine {
		t.Errorf("got %s of %q", text.String(), loaded.Machine)
	}
	if err := os.WriteFile(path, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("loaded what is no report: %v", err)
	}
}

func TestReportReplacesThatOfThePage(t *testing.T) {
	const before, after = "# Page\n\nText.\n\n", "\nMore text.\n"
	page := before + beginMark + "an older one\n" + endMark + after
	want := before + beginMark + "\nMachine: two cores.\n" + printed + "\n" + endMark + after
	for range 2 {
		got, err := example().Into([]byte(page))
		if err != nil {
			t.Fatal(err)
		}
		if page = string(got); page != want {
			t.Errorf("got %s", page)
		}
	}
	if _, err := example().Into([]byte(before)); err == nil {
		t.Error("a page without the lines was accepted")
	}
}
