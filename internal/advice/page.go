package advice

import (
	"fmt"
	"io"
	"strings"
)

// examples are the names in the commands for a Webhook.
var examples = Subject{ //nolint:gosec // names, no credential
	Namespace: "digital-twin", Name: "model-events", Connection: "connection/default",
	Secret: "model-events-hmac", Key: "secret",
}

// connectionExamples are the names in the commands for a connection.
var connectionExamples = Subject{
	Namespace: "digital-twin", Name: "default", Connection: "connection/default", Secret: "itwin-service-app",
}

// writeIntroduction writes what is before the first section.
func writeIntroduction(page *strings.Builder) {
	page.WriteString("# Troubleshooting\n\n")
	writeParagraph(page, "What each reason of a condition means, what to do, and by which command. "+
		"`kubectl itwin status` ([the plugin](cli.md)) shows the reason of every Webhook with the next step of this page:")
	page.WriteString("\n```sh\nkubectl itwin status -A\nkubectl itwin check\n```\n\n")
	writeParagraph(page, "`Reconciling` and `Stalled` have the reason of `Ready`: `Reconciling` stands where waiting "+
		"helps, `Stalled` where a person must act. In the commands, `digital-twin`, `model-events` and "+
		"`connection/default` stand for your namespace, Webhook and connection.")
	page.WriteString("\n<!-- Generated from internal/advice by make manifests. -->\n")
}

// WritePage writes docs/troubleshooting.md.
func WritePage(out io.Writer) error {
	var page strings.Builder
	writeIntroduction(&page)
	for _, part := range []struct {
		title string
		kind  Kind
	}{{"Webhook", Webhook}, {"Connection", Connection}} {
		fmt.Fprintf(&page, "\n## %s\n\n| Condition and reason | Next step |\n|---|---|\n", part.title)
		for _, a := range All() {
			if a.Kind == part.kind {
				fmt.Fprintf(&page, "| [%s](#%s) | %s |\n", a.Title(), a.Anchor(), nextOrNothing(a))
			}
		}
		for _, a := range All() {
			if a.Kind == part.kind {
				writeSection(&page, a)
			}
		}
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// Title is the heading of the advice's section.
func (a Advice) Title() string {
	title := a.Condition + ": " + a.Reason
	if a.Reason == "" {
		title = "No " + a.Condition
	}
	if a.Kind == Connection {
		title = "Connection " + strings.ToLower(title[:1]) + title[1:]
	}
	return title
}

// Anchor is the fragment that leads to the advice's section.
func (a Advice) Anchor() string {
	return strings.NewReplacer(":", "", " ", "-").Replace(strings.ToLower(a.Title()))
}

func nextOrNothing(a Advice) string {
	if a.Next == "" {
		return "nothing to do"
	}
	return examples.For(a.Next)
}

func writeSection(page *strings.Builder, a Advice) {
	subject := examples
	if a.Kind == Connection {
		subject = connectionExamples
	}
	fmt.Fprintf(page, "\n### %s\n\n", a.Title())
	writeParagraph(page, "**What it means.** "+a.Means)
	if what := strings.TrimSpace(subject.For(sentence(a.Next)) + " " + a.Do); what != "" {
		page.WriteString("\n")
		writeParagraph(page, "**What to do.** "+what)
	}
	page.WriteString("\n```sh\n")
	for _, command := range a.Commands {
		fmt.Fprintln(page, subject.For(command))
	}
	page.WriteString("```\n")
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return text + "."
}

// lineLength is the most characters of a line of the page, unless a word is longer.
const lineLength = 120

// writeParagraph breaks a text into lines.
func writeParagraph(page *strings.Builder, text string) {
	length := 0
	for word := range strings.FieldsSeq(text) {
		if length > 0 && length+1+len(word) > lineLength {
			page.WriteString("\n")
			length = 0
		}
		if length > 0 {
			page.WriteString(" ")
			length++
		}
		page.WriteString(word)
		length += len(word)
	}
	page.WriteString("\n")
}
