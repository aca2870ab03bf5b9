package docs

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestMoveToAnotherNamespace hands a Webhook over as docs/gitops.md says: its receivers notice nothing.
func TestMoveToAnotherNamespace(t *testing.T) {
	t.Parallel()
	s := connected(t)
	before, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.MustKubectl("create", "namespace", "operations")
	s.MustKubectl("-n", "operations", "create", "secret", "generic", "itwin-service-app",
		"--from-literal=clientId=service-app", "--from-literal=clientSecret=test-secret")
	elsewhere := strings.NewReplacer("namespace: digital-twin", "namespace: operations")
	s.apply(elsewhere.Replace(documented.Texts(t, "docs/getting-started.md", "## 3. Connect", "yaml", 1)[0]))
	s.MustKubectl("-n", "digital-twin", "patch", "webhook", "model-events", "--type=merge", "-p",
		`{"spec":{"suspend":true,"deletionPolicy":"Retain"}}`)
	s.MustKubectl("-n", "digital-twin", "wait", "webhook/model-events", "--for=condition=Suspended", "--timeout=60s")

	id := s.sh(documented.Commands(t, "docs/gitops.md", "### Move Webhooks to another Application", 1)[0])
	id = strings.TrimSpace(id[strings.LastIndex(strings.TrimSpace(id), "\n")+1:])
	s.Expect(id).To(Equal(before[0].ID))
	moved := elsewhere.Replace(documented.Texts(t, "docs/api.md", "## Webhook", "yaml", 1)[0])
	s.apply(strings.Replace(moved, "spec:\n", "spec:\n  webhookId: "+id+"\n  secretRef: {name: model-events-hmac}\n", 1))
	reason := `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=`
	s.MustKubectl("-n", "operations", "wait", "webhook/model-events", reason+"AlreadyClaimed", "--timeout=60s")
	s.unchanged(before)
	s.MustKubectl("-n", "digital-twin", "delete", "webhook", "model-events")
	s.MustKubectl("-n", "operations", "wait", "webhook/model-events", reason+"InSync", "--timeout=120s")
	s.unchanged(before)
	s.happens("iModels.iModelDeleted.v1")
}
