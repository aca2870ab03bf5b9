package chaos

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// journal is what was done to which object, and when.
type journal struct {
	mu      sync.Mutex
	entries []entry
	counts  map[string]int
}

type entry struct {
	at time.Time
	// about is the name of a Webhook, or empty: then it concerned all.
	about, what string
}

func (e entry) String() string {
	return fmt.Sprintf("%s %s %s", e.at.UTC().Format("15:04:05.000"), e.about, e.what)
}

// note writes down that an action was done, and how it ended.
func (j *journal) note(about, action string, err error) {
	what := action
	if err != nil {
		what += ", failed: " + err.Error()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry{time.Now(), about, what})
	if err == nil {
		kind, _, _ := strings.Cut(action, ":")
		if j.counts == nil {
			j.counts = map[string]int{}
		}
		j.counts[kind]++
	}
}

// of returns what was done to one Webhook, and to all.
func (j *journal) of(about string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, e := range j.entries {
		if e.about == about || e.about == "" {
			lines = append(lines, e.String())
		}
	}
	return strings.Join(lines, "\n")
}

// summary counts the actions that were done.
func (j *journal) summary() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprint(j.counts)
}

// linesWith are the lines of a text that hold any of some words.
func linesWith(text string, words []string) string {
	var found strings.Builder
	for line := range strings.Lines(text) {
		for _, word := range words {
			if word != "" && strings.Contains(line, word) {
				found.WriteString(line)
				break
			}
		}
	}
	return found.String()
}
