package docs

import (
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestGettingStarted follows the page from an empty cluster to the end. The platform and the receiver are those of the
// scene, and the operator is a process with the rights that install.yaml gives it.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(documented.Commands(t, "docs/getting-started.md", "## 2. Install the operator", 1)...)
	s.MustKubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/connections.itwin.webhook-operator.io")
	s.operate()

	connect := documented.Commands(t, "docs/getting-started.md", "## 3. Connect", 3)
	s.run(connect[0])
	s.write("connection.yaml", s.here(documented.Texts(t, "docs/getting-started.md", "## 3. Connect", "yaml", 1)[0]))
	s.run(connect[1])
	s.soon(connect[2])

	create := documented.Commands(t, "docs/getting-started.md", "## 4. Create a Webhook", 2)
	s.write("webhook.yaml", s.here(documented.Texts(t, "docs/getting-started.md", "## 4. Create a Webhook", "yaml", 1)[0]))
	s.run(create[0])
	s.soon(create[1])
	s.soon(documented.Commands(t, "README.md", "# itwin-webhook-operator", 1)[0])

	secret := documented.Commands(t, "docs/getting-started.md", "## 5. Receive an event", 1)[0]
	remotes, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(remotes).To(HaveLen(1))
	s.Expect(s.sh(secret)).To(Equal(remotes[0].Secret))
	s.happens("iModels.iModelCreated.v1")

	breaks := documented.Commands(t, "docs/getting-started.md", "## 6. Break it, and repair it", 5)
	s.run(breaks[0])
	s.soon(breaks[1])
	s.happens("iModels.iModelDeleted.v1")
	s.run(breaks[2])
	s.soon(breaks[3])
	s.run(breaks[4])
	s.happens("iModels.iModelDeleted.v1")

	s.run(documented.Commands(t, "docs/getting-started.md", "## 7. Clean up", 1)...)
	remotes, err = s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(remotes).To(BeEmpty())
}
