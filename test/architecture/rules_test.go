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
		"simulator imports platform":               {"internal/simulator", Module + "/internal/platform", true},
		"controllers import the simulator":         {"controllers", Module + "/internal/simulator", true},
		"controllers import fleet":                 {"controllers", Module + "/internal/fleet", false},
		"the manager imports the harness":          {"cmd/manager", Module + "/internal/harness", true},
		"the manager imports another program":      {"cmd/manager", Module + "/cmd/itwin-simulator", true},
		"the simulator's program imports api":      {"cmd/itwin-simulator", Module + "/api/v1alpha1", true},
		"a layer with a name that begins likewise": {"internal/fleet", Module + "/internal/platformer", true},
		"a layer that is not in the design":        {"internal/utils", "fmt", true},
	} {
		t.Run(name, func(t *testing.T) {
			breaches := CheckImports([]Package{{ImportPath: Module + "/" + test.path, Imports: []string{test.imports}}})
			if (len(breaches) > 0) != test.breach {
				t.Errorf("got %v", breaches)
			}
		})
	}
}

// sampleFleet is a fleet with a method of each sort.
var sampleFleet = Sources{"fleet.go": `package fleet
import "context"
type Fleet struct{}
func (f *Fleet) Create(ctx context.Context) error { return nil }
func (f *Fleet) Delete(ctx context.Context) error { return nil }
func (f *Fleet) Poll(ctx context.Context) error { return nil }
func (f *Fleet) Lookup(id string) string { return id }
type Registry struct{}
func (r *Registry) Get(name string) *Fleet { return nil }
`}

func TestRemoteCallsBelongIntoActing(t *testing.T) {
	const head = `package controllers
import ("context"; "sigs.k8s.io/controller-runtime/pkg/client"; "webhook-operator.io/itwin/internal/fleet")
`
	breaches, err := CheckRemoteCalls(sampleFleet, Sources{
		"types.go": head + `
type run struct { client.Client; fleet *fleet.Fleet; fleets *fleet.Registry }
`,
		"execute.go": head + `
func (r *run) act(ctx context.Context) { r.fleet.Create(ctx); r.fleet.Delete(ctx) }
`,
		"connection_controller.go": head + `
func (r *run) poll(ctx context.Context) { remote := r.fleets.Get("x"); remote.Poll(ctx); remote.Lookup("x") }
`,
		"observe.go": head + `
func (r *run) observe(ctx context.Context) { r.fleets.Get("x").Lookup("x"); r.Create(ctx, nil); r.Delete(ctx, nil) }
`,
		"sneaky.go": head + `
func (r *run) one(ctx context.Context) { remote := r.fleets.Get("x"); remote.Create(ctx) }
func (r *run) two(ctx context.Context) { remove := r.fleet.Delete; remove(ctx) }
type embedding struct { *fleet.Fleet }
func three(ctx context.Context, e embedding) { e.Poll(ctx) }
`,
	})
	expectBreaches(t, breaches, err,
		"sneaky.go: Create of the fleet belongs into execute.go",
		"sneaky.go: Delete of the fleet belongs into execute.go",
		"sneaky.go: Poll of the fleet belongs into connection_controller.go",
	)
}

func TestStatusWritesBelongIntoReporting(t *testing.T) {
	const head = `package controllers
import ("context"; "k8s.io/apimachinery/pkg/api/equality"; "sigs.k8s.io/controller-runtime/pkg/client")
`
	good := Sources{
		"report.go": head + `
func (r *run) writeStatus(ctx context.Context) error {
	if equality.Semantic.DeepEqual(1, 2) { return nil }
	return r.Status().Patch(ctx, nil, nil)
}
`,
		"connection_report.go": head + `
func (r *run) report(ctx context.Context) error {
	if !equality.Semantic.DeepEqual(1, 2) { return r.Status().Patch(ctx, nil, nil) }
	return nil
}
`,
	}
	breaches, err := CheckStatusWrites(good)
	expectBreaches(t, breaches, err)

	breaches, err = CheckStatusWrites(Sources{
		"report.go": head + `
func (r *run) writeStatus(ctx context.Context) error { return r.Status().Patch(ctx, nil, nil) }
func (r *run) again(ctx context.Context) error { return r.Client.Status().Update(ctx, nil) }
`,
		"connection_report.go": good["connection_report.go"],
		"sneaky.go": head + `
func (r *run) sneak(ctx context.Context) error { return r.SubResource("status").Patch(ctx, nil, nil) }
func (r *run) fine(ctx context.Context) error { return r.Patch(ctx, nil, nil) }
`,
	})
	expectBreaches(t, breaches, err,
		"report.go: writeStatus writes a status without comparing it",
		"report.go: again writes a status",
		"sneaky.go: sneak writes a status",
		"report.go: 0 writes of a status, not 1",
	)
}

func TestPurity(t *testing.T) {
	breaches, err := CheckPurity(Sources{"decide.go": `package controllers
import "time"
func decide(now time.Time) time.Time { return now.Add(time.Second) }
`})
	expectBreaches(t, breaches, err)

	breaches, err = CheckPurity(Sources{"decide.go": `package controllers
import ("net/http"; "time"; "sigs.k8s.io/controller-runtime/pkg/client")
func decide(c client.Client) (time.Time, *http.Client) { return time.Now(), nil }
`})
	expectBreaches(t, breaches, err,
		"decide.go: imports net/http",
		"decide.go: imports sigs.k8s.io/controller-runtime/pkg/client",
		"decide.go: calls time.Now",
	)

	breaches, err = CheckPurity(Sources{})
	expectBreaches(t, breaches, err, "decide.go: is not there")
}
