package simtest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestFailuresAreDocumented compares the table of docs/failures.md with the one that TestFailures plays.
func TestFailuresAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := failureTable(); !strings.HasSuffix(string(page), "\n"+table) {
		t.Errorf("the table in docs/failures.md must be the end of the page, and\n%s", table)
	}
}

func failureTable() string {
	var table strings.Builder
	table.WriteString(
		"| Call | Failure | Webhook | Connection | Message | Event | Log | Calls in an hour | Next tries |\n" +
			"|---|---|---|---|---|---|---|---|---|\n",
	)
	for _, r := range failureRows() {
		count := fmt.Sprint(r.least)
		if r.most != r.least {
			count = fmt.Sprintf("%d to %d", r.least, r.most)
		}
		cells := []string{
			r.call, strings.Join(r.failures, ", "), quoted(r.webhook), quoted(r.connection), r.documentedMessage(),
			quoted(r.event), quoted(strings.Join(r.log, "`, `")), count, r.next.says,
		}
		table.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return table.String()
}

// documentedMessage is what the message says before, and instead of, the cause.
func (r expected) documentedMessage() string {
	switch {
	case r.message == "":
		return ""
	case r.says != "":
		return quoted(strings.TrimSpace(r.message)) + " … " + quoted(strings.TrimPrefix(r.says, "; "))
	}
	return quoted(strings.TrimSpace(r.message)) + " …"
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
