package bench

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/figures"
)

// The tables, in the order in which they are printed.
var (
	budgetTable = &figures.Table{Title: "N Webhooks of one connection"}
	pacingTable = &figures.Table{Title: "The shipped rate limit"}
	shardTable  = &figures.Table{Title: "Two shards on one account"}
)

// measured is the column of tables with one.
const measured = "measured"

// finish prints the tables and, if a folder is given, writes them down.
func finish(w io.Writer) error {
	report := figures.Report{Machine: machine(), Tables: []*figures.Table{budgetTable, pacingTable, shardTable}}
	if *simulated != "" {
		more, err := figures.Load(*simulated)
		if err != nil {
			return err
		}
		report.Tables = append(report.Tables, more.Tables...)
	}
	if err := report.Print(w); err != nil || *reportDir == "" {
		return err
	}
	if err := report.Save(filepath.Join(*reportDir, dataFile)); err != nil {
		return err
	}
	return writePage(report, filepath.Join(*reportDir, pageFile))
}

// Files of a report. Of the documentation both are in the repository.
const (
	dataFile = "performance.json"
	pageFile = "performance.md"
)

// writePage puts a report into a page, if there is one.
func writePage(report figures.Report, path string) error {
	page, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if page, err = report.Into(page); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, page, 0o644)
}

// machine describes what this runs on.
func machine() string {
	return fmt.Sprintf("%s, %d processors, %.0f GiB of memory, shared by API server, etcd, simulator, operator and benchmark",
		lineOf("/proc/cpuinfo", "model name"), runtime.NumCPU(), kibOf("/proc/meminfo", "MemTotal")/(1<<20))
}

// lineOf is the value of a field in a file of /proc; "" when it has none.
func lineOf(path, field string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kibOf is a field of a file of /proc that is given in KiB; 0 when there is none.
func kibOf(path, field string) float64 {
	number, _, _ := strings.Cut(lineOf(path, field), " ")
	kib, _ := strconv.ParseFloat(number, 64)
	return kib
}

// budget is a bound, and how it is written: as a formula where it depends on the column.
type budget struct {
	n    int
	text string
}

func fixed(n int) budget { return budget{n, strconv.Itoa(n)} }

func formula(n int, text string) budget { return budget{n, text} }

// exactly asserts a count and puts it into the table.
func (s *scene) exactly(work string, count int, b budget) {
	s.Helper()
	s.table.Set(s.column, figures.Row{Work: work, Budget: b.text}, float64(count))
	s.Expect(count).To(Equal(b.n), work)
}

// atMost asserts the bound of a count and puts both into the table.
func (s *scene) atMost(work string, count int, b budget) {
	s.Helper()
	s.table.Set(s.column, figures.Row{Work: work, Budget: "≤ " + b.text}, float64(count))
	s.Expect(count).To(BeNumerically("<=", b.n), work)
}

// count puts a number into the table that is no budget's.
func (s *scene) count(work string, n int) { s.table.Set(s.column, figures.Row{Work: work}, float64(n)) }

// took puts a time into the table, which depends on the machine.
func (s *scene) took(work string, d time.Duration, goal string) {
	s.table.Set(s.column, figures.Row{Work: work, Unit: figures.Seconds, Budget: goal}, d.Seconds())
	s.Logf("%s: %s", work, d.Round(time.Millisecond))
}

// holds puts memory into the table, which depends on the machine a little.
func (s *scene) holds(work string, mib float64) {
	row := memoryRow(work)
	row.Budget = memoryGoal
	s.table.Set(s.column, row, mib)
	s.Logf("%s: %.0f MiB", work, mib)
}

func memoryRow(work string) figures.Row { return figures.Row{Work: work, Unit: figures.MiB} }

// delays are samples of how long something took.
type delays []time.Duration

// at returns a percentile: the smallest sample that so many hundredths do not exceed.
func (d delays) at(percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[max(0, int(math.Ceil(float64(percent*len(sorted))/100))-1)]
}

// spread puts samples into the table.
func (s *scene) spread(work string, d delays, goal string) {
	s.took(fmt.Sprintf("%s, median of %d", work, len(d)), d.at(50), goal)
	s.took(work+", longest", d.at(100), goal)
}
