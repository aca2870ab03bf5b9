// Package advice is what to do about each reason that a condition can have: `kubectl itwin status` shows it, and
// docs/troubleshooting.md is made of it.
package advice

import (
	"slices"
	"strings"
)

// Kind is what an object is.
type Kind string

// The kinds that have conditions. A ClusterConnection is a Connection here.
const (
	Webhook    Kind = "Webhook"
	Connection Kind = "Connection"
)

// Advice is about one reason of one condition.
type Advice struct {
	Kind      Kind
	Condition string
	// Reason is "" for an object that does not have the condition yet.
	Reason string
	// Means is what is the case; Markdown, with links relative to docs.
	Means string
	// Next is the next step in one line of plain text; "" when there is nothing to do.
	Next string
	// Do is what else to know of it; Markdown, with links relative to docs.
	Do string
	// Commands are what to run, the first one first. They name the object by placeholders, which Subject fills in.
	Commands []string
}

// Subject is the object that an advice is given about.
type Subject struct {
	Namespace, Name string
	// Connection is the connection as kubectl takes it, such as connection/default or clusterconnection/organization.
	Connection string
	// Secret and Key are those of the Secret that the object needs.
	Secret, Key string
}

// For fills in the placeholders of a text.
func (s Subject) For(text string) string {
	return strings.NewReplacer(
		"<namespace>", s.Namespace, "<name>", s.Name, "<connection>", s.Connection,
		"<secret>", s.Secret, "<key>", s.Key,
	).Replace(text)
}

// Apply returns the next step of an advice, and its commands, with the placeholders filled in.
func (s Subject) Apply(a Advice) (next string, commands []string) {
	for _, command := range a.Commands {
		commands = append(commands, s.For(command))
	}
	return s.For(a.Next), commands
}

// All returns the advice about every reason, in the order of the page.
func All() []Advice { return slices.Concat(ofReady, ofOthers, ofConnections) }

// About returns the advice about a reason. For a reason that this version does not know it is what can be said of any.
func About(kind Kind, condition, reason string) Advice {
	for _, rows := range [][]Advice{ofReady, ofOthers, ofConnections} {
		for _, a := range rows {
			if a.Kind == kind && a.Condition == condition && a.Reason == reason {
				return a
			}
		}
	}
	return Advice{
		Kind: kind, Condition: condition, Reason: reason, Next: "Read the message; this version does not know the reason",
		Commands: []string{"kubectl -n <namespace> describe " + strings.ToLower(string(kind)) + " <name>"},
	}
}
