package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestOperations runs the commands of docs/operations.md in the order of the page.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := connected(t)
	s.run(documented.Commands(t, "docs/operations.md", "## Back up and restore", 1)...)
	key, err := os.ReadFile(filepath.Join(s.dir, "operator-key.yaml"))
	s.Must(err)
	s.Expect(string(key)).To(ContainSubstring("name: itwin-webhook-operator-key"))

	before := s.secret()
	rotate := documented.Commands(t, "docs/operations.md", "## Rotate a signing secret", 2)
	s.run(rotate[0])
	s.soon(rotate[1])
	s.Expect(s.secret()).NotTo(Equal(before))
	s.happens("iModels.iModelDeleted.v1")

	s.run(documented.Commands(t, "docs/operations.md", "## Rotate the credentials", 1)...)
	s.run(documented.Commands(t, "docs/operations.md", "## Stop all writes", 1)...)
	s.MustKubectl("-n", "digital-twin", "patch", "webhook", "model-events", "--type=merge", "-p", `{"spec":{"suspend":false}}`)
	s.moves()
	s.removes()
}

// moves the Webhook to another account, until it has left nothing behind.
func (s *scene) moves() {
	s.Helper()
	partner := documented.Texts(s.T, "docs/connection.md", "## Several accounts in a namespace", "yaml", 1)[0]
	connection, _, _ := strings.Cut(partner, "---\n")
	s.write("partner.yaml", s.here(connection))
	move := documented.Commands(s.T, "docs/operations.md", "## Move to another account", 2)
	s.run(move[0])
	s.Eventually(func() string { return s.sh(move[1]) }).Should(Equal("\n"))
	remotes, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(remotes).To(ConsistOf(HaveField("ClientID", "service-partner")))
}

// removes the Webhook and keeps its remote webhook.
func (s *scene) removes() {
	s.Helper()
	s.run(documented.Commands(s.T, "docs/operations.md", "## Remove", 1)...)
	remotes, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(remotes).To(HaveLen(1))
}

// secret is the value of the generated one.
func (s *scene) secret() string {
	s.Helper()
	return s.MustKubectl("-n", "digital-twin", "get", "secret", "model-events-webhook-secret", "-o", "jsonpath={.data.secret}")
}

// TestMoveToAnotherCluster: receivers verify with the same secret before and after, and no other webhook is created.
func TestMoveToAnotherCluster(t *testing.T) {
	t.Parallel()
	s := connected(t)
	before, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	next := newScene(t)
	next.platform, next.hosts = s.platform, s.hosts
	next.Must(next.Install(next.Ctx))
	next.operate()
	next.MustKubectl("create", "namespace", "digital-twin")
	next.MustKubectl("-n", "digital-twin", "create", "secret", "generic", "itwin-service-app",
		"--from-literal=clientId=service-app", "--from-literal=clientSecret=test-secret")
	next.apply(documented.Texts(t, "docs/getting-started.md", "## 3. Connect", "yaml", 1)[0])
	next.waits("connection/default")

	s.Kubeconfig = contexts(s, map[string]*harness.ControlPlane{"old": s.ControlPlane, "new": next.ControlPlane})
	s.run(documented.Commands(t, "docs/operations.md", "## Move to another cluster", 3)...)
	after, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(after).To(HaveLen(1))
	s.Expect(after[0]).To(And(HaveField("ID", before[0].ID), HaveField("Secret", before[0].Secret), HaveField("Active", true)))
}

// contexts writes a kubeconfig with a context for each control plane.
func contexts(s *scene, planes map[string]*harness.ControlPlane) (path string) {
	s.Helper()
	var files []string
	for name, plane := range planes {
		text, err := os.ReadFile(plane.Kubeconfig)
		s.Must(err)
		s.write(name, strings.ReplaceAll(string(text), "envtest", name))
		files = append(files, filepath.Join(s.dir, name))
	}
	s.write("merged", s.sh("KUBECONFIG="+strings.Join(files, ":")+" kubectl config view --flatten"))
	return filepath.Join(s.dir, "merged")
}
