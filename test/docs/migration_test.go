package docs

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness/documented"
	"webhook-operator.io/itwin/simulator"
)

// exportedName is the name of a manifest of an export.
var exportedName = regexp.MustCompile(`[-a-z0-9]+-imodeldeleted-[0-9a-f]{8}`)

// TestMigration follows the page with its two webhooks, of which one is off.
func TestMigration(t *testing.T) {
	s := newScene(t)
	before := s.existing()
	s.Must(s.Install(s.Ctx))
	s.operate()
	s.MustKubectl("create", "namespace", "digital-twin")
	s.MustKubectl("-n", "digital-twin", "create", "secret", "generic", "itwin-service-app",
		"--from-literal=clientId=service-app", "--from-literal=clientSecret=test-secret")
	s.apply(documented.Texts(t, "docs/getting-started.md", "## 3. Connect", "yaml", 1)[0])

	s.soon(documented.Commands(t, "docs/migration.md", "## 1. Connect", 1)[0])
	s.run(documented.Commands(t, "docs/migration.md", "## 2. Export", 1)...)
	s.reviewed(documented.Texts(t, "docs/migration.md", "## 3. Review", "yaml", 1)[0])
	applied := documented.Commands(t, "docs/migration.md", "## 4. Apply", 3)
	s.run(applied[0])
	s.soon(applied[1])
	s.run(applied[2])
	s.unchanged(before)

	secrets := documented.Commands(t, "docs/migration.md", "## 5. Fill in the secrets", 2)
	s.run(secrets[0])
	s.run(s.trusting(secrets[1]))
	s.unchanged(before)
	s.run(documented.Commands(t, "docs/migration.md", "## 6. Resume", 2)...)
	s.unchanged(before)
	s.happens("iModels.iModelDeleted.v1")

	s.run(documented.Commands(t, "docs/migration.md", "## Undo", 1)...)
	s.unchanged(before)
}

// TestMigrationWithoutTheSecrets replaces a secret that is not known.
func TestMigrationWithoutTheSecrets(t *testing.T) {
	s := connected(t)
	s.MustKubectl("-n", "digital-twin", "delete", "webhook", "model-events")
	before := s.existing()
	s.fillMany()
	s.unchanged(before)
	manifests := s.sh("kubectl itwin export --connection default 2>/dev/null")
	_, err := s.KubectlWith(s.Ctx, strings.ReplaceAll(manifests, "suspend: true", "suspend: false"), "apply", "-f", "-")
	s.Must(err)
	s.MustKubectl("-n", "digital-twin", "wait", "webhook", "--all", "--for=condition=Ready", "--timeout=60s")
	s.unchanged(before)
	s.run(documented.Commands(t, "docs/migration.md", "## Without the secrets", 1)...)
	s.Expect(s.sh("cat orders.secret")).To(Equal(s.remote("/orders").Secret))
	s.happens("iModels.iModelDeleted.v1")
}

// fillMany fills the Secrets of an export by the loop of the page, and lets them share one.
func (s *scene) fillMany() {
	s.Helper()
	blocks := documented.Commands(s.T, "docs/migration.md", "## Many at a time", 2)
	s.sh("kubectl itwin export --connection default --keep-secret > webhooks.yaml && kubectl apply -f webhooks.yaml")
	s.write("secrets.tsv", fmt.Sprintf("%[1]s/orders\torders.secret\n%[1]s/audit\taudit.secret\n", s.receiver.URL))
	s.run(blocks[0])
	var webhooks itwinv1alpha1.WebhookList
	s.Must(s.Client.List(s.Ctx, &webhooks, client.InNamespace("digital-twin")))
	s.Expect(webhooks.Items).To(HaveLen(2))
	for _, w := range webhooks.Items {
		s.Expect(s.key(w.Spec.SecretRef.Name, "secret")).To(Equal(s.remoteOf(w).Secret))
	}
	s.run(blocks[1])
	s.sh("kubectl delete -f webhooks.yaml")
	s.Expect(strings.Count(s.sh("kubectl create --dry-run=server -f webhooks.yaml -o yaml"), "name: receivers-hmac\n")).To(Equal(2))
}

func (s *scene) remoteOf(w *itwinv1alpha1.Webhook) simulator.Webhook {
	return s.remote(w.Spec.CallbackURL[strings.LastIndex(w.Spec.CallbackURL, "/"):])
}

// TestCommandsOfThePlugin runs what docs/cli.md shows of export, test and verify-signature.
func TestCommandsOfThePlugin(t *testing.T) {
	s := connected(t)
	s.run(documented.Commands(t, "docs/cli.md", "## verify-signature", 1)...)
	s.run(s.trusting(documented.Commands(t, "docs/cli.md", "## test", 1)[0]))
	_, err := s.platform.AddWebhooks(s.Ctx, []simulator.Seed{s.seed("/orders", true), s.seed("/audit", false)})
	s.Must(err)
	s.run(documented.Commands(t, "docs/cli.md", "## export", 1)...)
}

// existing makes the two webhooks of the page, and the files with their secrets.
func (s *scene) existing() []simulator.Webhook {
	s.Helper()
	seeds := []simulator.Seed{s.seed("/orders", true), s.seed("/audit", false)}
	made, err := s.platform.AddWebhooks(s.Ctx, seeds)
	s.Must(err)
	s.write("orders.secret", seeds[0].Secret)
	s.write("audit.secret", seeds[1].Secret)
	return made
}

func (s *scene) seed(path string, active bool) simulator.Seed {
	return simulator.Seed{
		ClientID: "service-app", Scope: "iTwin", ScopeID: "5c9d64cf-d22f-4149-ad08-c24ff395c3a0", Active: active,
		CallbackURL: s.receiver.URL + path, EventTypes: []string{"iModels.iModelDeleted.v1"},
		Secret: "the-signing-secret-of-the-receiver-of" + path,
	}
}

// unchanged expects the remote webhooks to be as they were, but for their times.
func (s *scene) unchanged(before []simulator.Webhook) {
	s.Helper()
	now, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(now).To(HaveLen(len(before)))
	for i := range now {
		now[i].Modified = before[i].Modified
		s.Expect(now[i]).To(Equal(before[i]))
	}
}

// remote is the remote webhook with a callback to a path.
func (s *scene) remote(path string) (found simulator.Webhook) {
	s.Helper()
	all, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	for _, w := range all {
		if strings.HasSuffix(w.CallbackURL, path) {
			found = w
		}
	}
	return found
}

// reviewed compares the manifest of the page with the one that was exported, but for what differs each time.
func (s *scene) reviewed(page string) {
	s.Helper()
	exported := s.sh("cat webhooks.yaml")
	off := s.remote("/audit")
	var found string
	for document := range strings.SplitSeq(exported, "---\n") {
		if strings.Contains(document, off.ID) {
			found = document
		}
	}
	name := exportedName.FindString(found)
	found = strings.NewReplacer(name, "NAME", off.Created.UTC().Format("2006-01-02"), "DAY").Replace(found)
	page = strings.NewReplacer(exportedName.FindString(page), "NAME", "2026-02-03", "DAY").Replace(page)
	s.Expect(shown(found)).To(Equal(shown(page)))
}

// trusting runs commands that trust the receiver's certificate, as they do that of a real one.
func (s *scene) trusting(commands string) string {
	s.Helper()
	connection, err := tls.Dial("tcp", strings.TrimPrefix(s.receiver.URL, "https://"),
		&tls.Config{InsecureSkipVerify: true}) // its certificate is what is asked for
	s.Must(err)
	defer func() { _ = connection.Close() }()
	var file []byte
	for _, c := range connection.ConnectionState().PeerCertificates {
		file = append(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	path := filepath.Join(s.TempDir(), "receiver.crt")
	s.Must(os.WriteFile(path, file, 0o600))
	s.certificates = path
	return commands
}
