package architecture

import (
	"slices"
	"strings"
	"testing"
)

// expectBreaches compares breaches with what each of them should say.
func expectBreaches(t *testing.T, got []Breach, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	said := make([]string, len(got))
	for i, b := range got {
		said[i] = b.String()
	}
	if !slices.Equal(said, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(said, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestImportRules(t *testing.T) {
	for name, test := range map[string]struct {
		path, imports string
		breach        bool
	}{
		"api imports the fleet":                    {"api/v1alpha1", Module + "/internal/fleet", true},
		"api imports Kubernetes":                   {"api/v1alpha1", "k8s.io/apimachinery/pkg/runtime", false},
		"platform imports api":                     {"internal/platform", Module + "/api/v1alpha1", true},
		"platform imports Kubernetes":              {"internal/platform", "k8s.io/apimachinery/pkg/types", true},
		"platform imports the clock":               {"internal/platform", "k8s.io/utils/clock", false},
		"platform imports the standard library":    {"internal/platform", "net/http", false},
		"fleet imports platform":                   {"internal/fleet", Module + "/internal/platform", false},
		"fleet imports controllers":                {"internal/fleet", Module + "/controllers", true},
		"fleet imports controller-runtime":         {"internal/fleet", "sigs.k8s.io/controller-runtime", true},
		"simulator imports platform":               {"simulator", Module + "/internal/platform", true},
		"simulator imports signature":              {"simulator", Module + "/signature", true},
		"signature imports another module":         {"signature", "github.com/google/uuid", true},
		"signature imports golang.org/x":           {"signature", "golang.org/x/crypto/hkdf", true},
		"signature imports Kubernetes":             {"signature", "k8s.io/utils/clock", true},
		"signature imports the simulator":          {"signature", Module + "/simulator", true},
		"signature imports the standard library":   {"signature", "crypto/hmac", false},
		"the harness imports signature":            {"internal/harness", Module + "/signature", false},
		"controllers import the simulator":         {"controllers", Module + "/simulator", true},
		"controllers import fleet":                 {"controllers", Module + "/internal/fleet", false},
		"the manager imports the harness":          {"cmd/manager", Module + "/internal/harness", true},
		"the manager imports another program":      {"cmd/manager", Module + "/cmd/itwin-simulator", true},
		"the simulator's program imports api":      {"cmd/itwin-simulator", Module + "/api/v1alpha1", true},
		"a layer with a name that begins likewise": {"internal/fleet", Module + "/internal/platformer", true},
		"a layer that is not in the design":        {"internal/utils", "fmt", true},
		"planning imports a client":                {"controllers/webhook/plan", "sigs.k8s.io/controller-runtime/pkg/client", true},
		"planning imports conditions":              {"controllers/webhook/plan", "k8s.io/apimachinery/pkg/api/meta", false},
		"planning imports what executes":           {"controllers/webhook/plan", Module + "/controllers/webhook", true},
		"a controller imports the other one":       {"controllers/connection", Module + "/controllers/webhook", true},
		"status imports a controller":              {"controllers/status", Module + "/controllers/webhook", true},
		"setup imports both controllers":           {"controllers", Module + "/controllers/connection", false},
	} {
		t.Run(name, func(t *testing.T) {
			breaches := CheckImports([]Package{{ImportPath: Module + "/" + test.path, Imports: []string{test.imports}}})
			if (len(breaches) > 0) != test.breach {
				t.Errorf("got %v", breaches)
			}
		})
	}
}

func TestStatusWritesBelongIntoReporting(t *testing.T) {
	const head = `package webhook
import ("context"; "k8s.io/apimachinery/pkg/api/equality")
`
	good := head + `
func (e *executor) writeStatus(ctx context.Context) error {
	if equality.Semantic.DeepEqual(1, 2) { return nil }
	return e.kube.Status().Patch(ctx, nil, nil)
}
`
	breaches, err := CheckStatusWrites(Sources{"report.go": good}, "writeStatus")
	expectBreaches(t, breaches, err)

	breaches, err = CheckStatusWrites(Sources{
		"report.go": head + `
func (e *executor) writeStatus(ctx context.Context) error { return e.kube.Status().Patch(ctx, nil, nil) }
func (e *executor) again(ctx context.Context) error { return e.kube.Status().Update(ctx, nil) }
`,
		"sneaky.go": head + `
func (e *executor) sneak(ctx context.Context) error { return e.kube.SubResource("status").Patch(ctx, nil, nil) }
func (e *executor) fine(ctx context.Context) error { return e.kube.Patch(ctx, nil, nil) }
`,
	}, "writeStatus")
	expectBreaches(t, breaches, err,
		"report.go: writeStatus writes a status without comparing it",
		"report.go: again writes a status",
		"sneaky.go: sneak writes a status",
		"report.go: 0 writes of a status, not 1",
	)
}
