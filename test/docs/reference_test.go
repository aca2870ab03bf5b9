package docs

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestCommandsOfTheReference runs those of docs/api.md, deployment.md and gitops.md that need no release.
func TestCommandsOfTheReference(t *testing.T) {
	t.Parallel()
	s := connected(t)
	refused := documented.Dialogues(documented.Commands(t, "docs/api.md", "# API reference", 1)[0])[0]
	webhook := documented.Texts(t, "docs/api.md", "## Webhook", "yaml", 1)[0]
	s.write("webhook.yaml", strings.ReplaceAll(webhook, "https://", "http://"))
	out, err := s.try(refused.Command)
	s.Expect(err).To(HaveOccurred())
	s.Expect(shown(out)).To(matchShown(refused.Output))

	s.run(documented.Commands(t, "docs/api.md", "### Signing secret", 1)...)
	s.run(documented.Commands(t, "docs/api.md", "### Conditions of a Webhook", 1)...)
	s.run(documented.Commands(t, "docs/api.md", "### Annotations", 1)...)
	s.Eventually(func() string {
		return s.MustKubectl("-n", "digital-twin", "get", "webhook", "model-events", "-o", "jsonpath={.status.lastHandledReactivateAt}")
	}).ShouldNot(BeEmpty())

	s.run(documented.Commands(t, "docs/deployment.md", "## Network policy", 1)...)
	s.MustKubectl("create", "namespace", "argocd")
	s.MustKubectl("-n", "argocd", "create", "configmap", "argocd-cm")
	s.run(documented.Commands(t, "docs/gitops.md", "## Argo CD", 1)...)
	s.Expect(s.MustKubectl("-n", "argocd", "get", "configmap", "argocd-cm", "-o", "yaml")).To(ContainSubstring("health"))
}

// TestCommandsOfTheRunbook runs what it advises to look at, and to do. What needs pods is marked on the page.
func TestCommandsOfTheRunbook(t *testing.T) {
	t.Parallel()
	s := connected(t)
	s.run(documented.Commands(t, "docs/runbook.md", "# Runbook", 1)...)
	alerts := s.sh("cat monitoring.yaml")
	s.Expect(alerts).NotTo(ContainSubstring("runbook_url: https://webhook-operator.io/"))
	s.Expect(alerts).To(ContainSubstring("runbook_url: https://git.example.com/itwin-webhook-operator/docs/runbook.md#itwinwebhookoff\n"))
	s.run(documented.Commands(t, "docs/runbook.md", "## ItwinWebhookDeactivatedTwice", 1)...)
	off := documented.Commands(t, "docs/runbook.md", "## ItwinWebhookOff", 3)
	s.run(off[0])

	s.MustKubectl("-n", "digital-twin", "patch", "webhook", "model-events", "--type=merge", "-p",
		`{"spec":{"reactivationPolicy":"OnRequest"}}`)
	s.trusting("")
	remotes, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	for _, reactivate := range off[1:] {
		s.Must(s.platform.Deactivate(s.Ctx, remotes[0].ID))
		s.MustKubectl("-n", "digital-twin", "wait", "--for=condition=Active=False", "--timeout=60s", "webhook/model-events")
		s.run(reactivate)
		s.MustKubectl("-n", "digital-twin", "wait", "--for=condition=Active", "--timeout=60s", "webhook/model-events")
	}

	s.run(documented.Commands(t, "docs/runbook.md", "## ItwinReceiverFailing", 1)...)
	s.run(documented.Commands(t, "docs/runbook.md", "## ItwinWebhookSecretRejected", 1)...)
	s.run(documented.Commands(t, "docs/runbook.md", "## ItwinWebhookNotReady", 1)...)
	s.run(documented.Commands(t, "docs/runbook.md", "## ItwinConnectionDown", 1)...)
	s.run(documented.Commands(t, "docs/runbook.md", "## ItwinStatusWritesRefused", 1)...)
	notDeleted := documented.Commands(t, "docs/runbook.md", "## ItwinWebhookNotDeleted", 2)
	s.run(notDeleted[0])

	// Without its credentials the Webhook cannot go, until it may leave the remote webhook.
	s.run(notDeleted[1])
	s.MustKubectl("-n", "digital-twin", "delete", "--timeout=60s", "webhook", "model-events")
	remotes, err = s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(remotes).To(HaveLen(1))
}
