package e2e

import (
	"regexp"
	"slices"
	"strings"
)

// anyAge stands for every AGE.
const anyAge = "age"

var (
	gap = regexp.MustCompile(` {2,}`)
	age = regexp.MustCompile(`^[0-9]+[smh]([0-9]+s)?$`)
)

// table is what kubectl get prints about one kind in the scene's namespace, by rows and columns.
func (s *scene) table(kind string, args ...string) (rows [][]string) {
	s.Helper()
	out, err := plane.Kubectl(s.Ctx, slices.Concat([]string{"get", kind, "-n", s.Namespace}, args)...)
	s.Must(err)
	for line := range strings.Lines(out) {
		row := gap.Split(strings.TrimSpace(line), -1)
		for i := range row {
			row[i] = age.ReplaceAllString(row[i], anyAge)
		}
		rows = append(rows, row)
	}
	return rows
}
