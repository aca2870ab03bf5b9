package e2e

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/test/gitops"
)

// updateObjects is the variable of the environment that lets the tests write the objects which they produce, instead of
// comparing them.
const updateObjects = "UPDATE_TESTDATA"

// shown is one row of the table in docs/gitops.md: a state of an object, and what tools show of it.
type shown struct{ kind, reason, when, kstatus, argo, wait string }

// name is that of the file which keeps an object in this state.
func (r shown) name() string {
	text := strings.ToLower(strings.Join([]string{r.kind, cmp.Or(r.reason, "none"), r.when}, "-"))
	return strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(text, "-"), "-")
}

var tableRow = regexp.MustCompile(
	"(?m)^\\| (Webhook|Connection) \\| (?:`(\\w+)`|none) \\| ([^|]*)\\| (\\w+) \\| (\\w+) \\| (\\w+) \\|$")

// documentedStates are the rows of the table in docs/gitops.md.
func documentedStates(t *testing.T) (rows []shown) {
	t.Helper()
	g := NewWithT(t)
	root, err := harness.Root()
	g.Expect(err).NotTo(HaveOccurred())
	page, err := os.ReadFile(filepath.Join(root, "docs", "gitops.md"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, row := range tableRow.FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, shown{row[1], row[2], strings.TrimSpace(row[3]), row[4], row[5], row[6]})
	}
	g.Expect(rows).NotTo(BeEmpty())
	return rows
}

func TestEveryStateIsShownByToolsAsDocumented(t *testing.T) {
	t.Parallel()
	for _, row := range documentedStates(t) {
		produce, parallel := states[row.name()]
		if !parallel {
			NewWithT(t).Expect(disruptiveStates).To(ContainElement(row.name()), "no test produces this row of docs/gitops.md")
			continue
		}
		t.Run(row.name(), func(t *testing.T) {
			t.Parallel()
			s := newConnectedScene(t)
			s.isShown(row, produce(s))
		})
	}
}

func TestEveryStateThatIsProducedIsDocumented(t *testing.T) {
	var names []string
	for _, row := range documentedStates(t) {
		names = append(names, row.name())
	}
	g := NewWithT(t)
	for name := range states {
		g.Expect(names).To(ContainElement(name))
	}
	g.Expect(names).To(ContainElements(disruptiveStates))
}

// documented finds the row of a state.
func (s *scene) documented(name string) shown {
	s.Helper()
	for _, row := range documentedStates(s.T) {
		if row.name() == name {
			return row
		}
	}
	s.Fatalf("docs/gitops.md has no row for %s", name)
	return shown{}
}

// isShown compares what tools make of an object with a row, and the object with the one that is kept for the tests of
// config/argocd.
func (s *scene) isShown(row shown, o client.Object) {
	s.Helper()
	live := &unstructured.Unstructured{}
	gvk, err := plane.Client.GroupVersionKindFor(o)
	s.Must(err)
	live.SetGroupVersionKind(gvk)
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKeyFromObject(o), live))

	computed, err := status.Compute(live)
	s.Must(err)
	argo, err := gitops.LoadArgoCD()
	s.Must(err)
	health, err := argo.Health(live)
	s.Must(err)
	wait := "returns"
	_, err = plane.Kubectl(s.Ctx, "wait", "-n", s.Namespace, strings.ToLower(gvk.Kind)+"/"+o.GetName(),
		"--for=condition=Ready", "--timeout=0")
	if err != nil {
		wait = "waits"
	}
	s.Expect(shown{
		kind: gvk.Kind, reason: row.reason, when: row.when,
		kstatus: computed.Status.String(), argo: health.Status, wait: wait,
	}).To(Equal(row))
	s.isKept(row.name(), live)
}

// isKept compares the conditions of an object with those of the one in config/argocd/testdata: messages and counts
// depend on when it is looked at.
func (s *scene) isKept(name string, live *unstructured.Unstructured) {
	s.Helper()
	root, err := harness.Root()
	s.Must(err)
	path := filepath.Join(root, "config", "argocd", "testdata", name+".yaml")
	data, err := yaml.Marshal(s.stable(live).Object)
	s.Must(err)
	if os.Getenv(updateObjects) != "" {
		s.Must(os.WriteFile(path, data, 0o600))
		return
	}
	text, err := os.ReadFile(path)
	s.Must(err)
	kept := &unstructured.Unstructured{}
	s.Must(yaml.Unmarshal(text, &kept.Object))
	s.Expect(s.conditions(live)).To(Equal(s.conditions(kept)),
		"with %s=1 this test writes config/argocd/testdata", updateObjects)
}

// conditions are the types, statuses and reasons of an object's conditions.
func (s *scene) conditions(o *unstructured.Unstructured) (all []string) {
	s.Helper()
	conditions, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	s.Must(err)
	for _, c := range conditions {
		condition := c.(map[string]any)
		all = append(all, fmt.Sprint(condition["type"], "=", condition["status"], "/", condition["reason"]))
	}
	return all
}

// unstable are the parts of an object's text that differ from run to run, and what stands for them.
var unstable = []struct {
	found *regexp.Regexp
	stand string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "00000000-0000-0000-0000-000000000000"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "2026-01-01T00:00:00Z"},
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "https://api.bentley.com"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "api.bentley.com"},
	{regexp.MustCompile(`\b[0-9a-f]{16,64}\b`), "0000000000000000"},
	{regexp.MustCompile(`(secretVersion|owner|former): .*`), `$1: "0"`},
}

// stable is an object without what differs from run to run, and without what the API server keeps for itself.
func (s *scene) stable(live *unstructured.Unstructured) *unstructured.Unstructured {
	s.Helper()
	live = live.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "creationTimestamp", "uid"} {
		unstructured.RemoveNestedField(live.Object, "metadata", field)
	}
	data, err := yaml.Marshal(live.Object)
	s.Must(err)
	text := strings.ReplaceAll(string(data), s.Namespace, "digital-twin")
	for _, u := range unstable {
		text = u.found.ReplaceAllString(text, u.stand)
	}
	result := &unstructured.Unstructured{}
	s.Must(yaml.Unmarshal([]byte(text), &result.Object))
	return result
}
