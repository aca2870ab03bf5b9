package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// argoCD is the folder of the scripts, and of the objects that test/e2e keeps there.
var argoCD = filepath.Join("..", "..", "config", "argocd")

// healthTests is Argo CD's format of a table of tests.
type healthTests struct {
	Tests []struct {
		HealthStatus Health `json:"healthStatus"`
		InputPath    string `json:"inputPath"`
	} `json:"tests"`
}

func load(t *testing.T) *ArgoCD {
	t.Helper()
	a, err := LoadArgoCD()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return a
}

// object reads one of the objects.
func object(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	g := NewWithT(t)
	data, err := os.ReadFile(filepath.Join(argoCD, name))
	g.Expect(err).NotTo(HaveOccurred())
	o := &unstructured.Unstructured{}
	g.Expect(yaml.Unmarshal(data, &o.Object)).To(Succeed())
	integers(o.Object)
	return o
}

// integers makes whole numbers int64, as a client of the API server has them.
func integers(fields map[string]any) {
	for key, value := range fields {
		switch v := value.(type) {
		case float64:
			fields[key] = int64(v)
		case map[string]any:
			integers(v)
		case []any:
			for _, item := range v {
				if m, isMap := item.(map[string]any); isMap {
					integers(m)
				}
			}
		}
	}
}

func TestHealthIsAsTheTableSays(t *testing.T) {
	g := NewWithT(t)
	data, err := os.ReadFile(filepath.Join(argoCD, "health_test.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var table healthTests
	g.Expect(yaml.UnmarshalStrict(data, &table)).To(Succeed())
	var tested []string
	argo := load(t)
	for _, test := range table.Tests {
		health, err := argo.Health(object(t, test.InputPath))
		g.Expect(err).NotTo(HaveOccurred(), test.InputPath)
		g.Expect(health).To(Equal(test.HealthStatus), test.InputPath)
		tested = append(tested, filepath.Join(argoCD, test.InputPath))
	}
	kept, err := filepath.Glob(filepath.Join(argoCD, "testdata", "*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tested).To(ConsistOf(kept), "every object has a row")
}

func TestActionsAreOfferedWhileTheyAreOfUse(t *testing.T) {
	for name, want := range map[string]map[string]bool{
		"webhook-insync":                {"reactivate": false, "reconcile": true, "rotate": true},
		"webhook-deactivated-onrequest": {"reactivate": true, "reconcile": true, "rotate": true},
		"webhook-insync-suspended":      {"reactivate": false, "reconcile": false, "rotate": false},
		"webhook-secretnotfound":        {"reactivate": false, "reconcile": true, "rotate": false},
		"webhook-none-not-read-yet":     {"reactivate": false, "reconcile": true, "rotate": true},
	} {
		g := NewWithT(t)
		offered, err := load(t).Actions(object(t, "testdata/"+name+".yaml"))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(offered).To(Equal(want), name)
	}
}

func TestAnActionSetsItsAnnotationAndNothingElse(t *testing.T) {
	for action, annotation := range map[string]string{
		"reactivate": itwinv1alpha1.ReactivateRequestedAtAnnotation,
		"reconcile":  itwinv1alpha1.ReconcileRequestedAtAnnotation,
		"rotate":     itwinv1alpha1.RotateRequestedAtAnnotation,
	} {
		for _, name := range []string{"webhook-deactivated-onrequest", "webhook-none-not-read-yet"} {
			g := NewWithT(t)
			before := object(t, "testdata/"+name+".yaml")
			after, err := load(t).Run(action, before)
			g.Expect(err).NotTo(HaveOccurred())
			annotations := after.GetAnnotations()
			_, err = time.Parse(time.RFC3339, annotations[annotation])
			g.Expect(err).NotTo(HaveOccurred())
			delete(annotations, annotation)
			if len(annotations) == 0 {
				annotations = nil
			}
			after.SetAnnotations(annotations)
			g.Expect(after).To(Equal(before), "%s of %s", action, name)
		}
	}
}

func TestScriptsUseNoLibraryThatArgoCDDoesNotOpen(t *testing.T) {
	g := NewWithT(t)
	for _, script := range []string{
		`return {status = os.date()}`, `return {status = string.upper("x")}`, `return {status = io.read()}`,
		`return {status = require("os").getenv("HOME")}`,
	} {
		_, err := run(script, &unstructured.Unstructured{})
		g.Expect(err).To(HaveOccurred(), script)
	}
	result, err := run(`return {status = require("os").date("!%Y")}`, &unstructured.Unstructured{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result["status"]).To(HaveLen(len("2026")))
}

func TestEveryReasonIsInTheTableOfTools(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "gitops.md"))
	g.Expect(err).NotTo(HaveOccurred())
	source, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	g.Expect(err).NotTo(HaveOccurred())
	webhooks, connections, found := strings.Cut(string(source), "\n### Status of a connection\n")
	g.Expect(found).To(BeTrue())
	for kind, text := range map[string]string{"Webhook": webhooks, "Connection": connections} {
		reasons := readyReasons.FindAllStringSubmatch(text, -1)
		g.Expect(reasons).NotTo(BeEmpty())
		for _, reason := range reasons {
			g.Expect(string(page)).To(ContainSubstring("| " + kind + " | `" + reason[1] + "` |"))
		}
	}
}
