// Package output writes what commands find, as tables for people and as JSON and YAML for programs. Everything is
// written as it comes: no list is held in memory.
package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Format is how a command writes.
type Format string

// The formats. No format has colours.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
	Name  Format = "name"
)

// All are the formats of a command that lists objects.
var All = []Format{Table, Wide, JSON, YAML, Name}

// AddFlag adds -o to a command, with the formats that it has; the first is the default. It sets f.
func AddFlag(command *cobra.Command, f *Format, formats ...Format) {
	*f = formats[0]
	names := make([]string, len(formats))
	for i, format := range formats {
		names[i] = string(format)
	}
	command.Flags().VarP(&value{f, formats}, "output", "o", "Output format: "+strings.Join(names, ", ")+".")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// value is the flag.
type value struct {
	format  *Format
	formats []Format
}

func (v *value) String() string { return string(*v.format) }
func (v *value) Type() string   { return "format" }

func (v *value) Set(text string) error {
	if !slices.Contains(v.formats, Format(text)) {
		return fmt.Errorf("must be one of %v", v.formats)
	}
	*v.format = Format(text)
	return nil
}
