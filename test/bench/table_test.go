package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	. "github.com/onsi/gomega"
)

// section is a part of the table; each test writes one.
type section struct {
	title string
	mu    sync.Mutex
	rows  [][3]string
}

// The sections, in the order in which they are printed.
var (
	budgetSection = &section{title: "A fleet"}
	pacingSection = &section{title: "The default rate limit"}
	shardSection  = &section{title: "Two shards on one account"}
)

func (s *section) add(work, measured, budget string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, [3]string{work, measured, budget})
}

// printTable prints the table, as Markdown whose columns are aligned.
func printTable(w io.Writer) {
	aligned := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	for _, s := range []*section{budgetSection, pacingSection, shardSection} {
		if len(s.rows) == 0 {
			continue
		}
		fmt.Fprintf(aligned, "\n| %s\t| measured\t| budget\t|\n|---\t|---\t|---\t|\n", s.title)
		for _, row := range s.rows {
			fmt.Fprintf(aligned, "| %s\t|\n", strings.Join(row[:], "\t| "))
		}
	}
	_ = aligned.Flush()
}

// exactly asserts a count and puts it into the table.
func (s *scene) exactly(work string, measured, budget int) {
	s.Helper()
	s.section.add(work, fmt.Sprint(measured), fmt.Sprint(budget))
	s.Expect(measured).To(Equal(budget), work)
}

// atMost asserts the bound of a count and puts both into the table.
func (s *scene) atMost(work string, measured, budget int) {
	s.Helper()
	s.section.add(work, fmt.Sprint(measured), fmt.Sprintf("≤ %d", budget))
	s.Expect(measured).To(BeNumerically("<=", budget), work)
}

// tell puts into the table what depends on the machine.
func (s *scene) tell(work, measured, budget string) {
	s.section.add(work, measured, budget)
	s.Logf("%s: %s", work, measured)
}

// delays are samples of how long something took.
type delays []time.Duration

// at returns a percentile: the smallest sample that so many hundredths do not exceed.
func (d delays) at(percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[max(0, int(math.Ceil(float64(percent*len(sorted))/100))-1)]
}

// less takes the same off each sample.
func (d delays) less(by time.Duration) delays {
	shorter := make(delays, len(d))
	for i := range d {
		shorter[i] = d[i] - by
	}
	return shorter
}

func (d delays) String() string {
	return fmt.Sprintf("median %s, p90 %s, p99 %s, longest %s (%d samples)",
		short(d.at(50)), short(d.at(90)), short(d.at(99)), short(d.at(100)), len(d))
}

// short rounds a time to what can be repeated.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
