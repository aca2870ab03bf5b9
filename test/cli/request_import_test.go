package cli

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// imported makes a Webhook that took over a webhook of a script: its receiver has a secret that the operator does not
// know.
func (s *scene) imported(name string) *foreign {
	s.Helper()
	f := newForeign(s, 2)
	s.Create(s.webhook(name, onRequest, func(w *itwinv1alpha1.Webhook) {
		w.Spec.WebhookID, w.Spec.CallbackURL = f.webhooks[0].ID, f.webhooks[0].CallbackURL
	}))
	s.becomes(name, "Ready", "InSync")
	s.Expect(s.read(name).Status.SecretName).To(BeEmpty())
	return f
}

func TestToReactivateAnImportAsksBeforeItsSecretIsReplaced(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.imported("old")
	s.deactivated("old")

	s.Expect(s.rows("old")[0].NextStep).To(And(ContainSubstring("secretRef"), ContainSubstring("reactivate old")))
	s.Expect(s.fails(s.itwin("reactivate", "old", "--wait"))).To(And(
		ContainSubstring(`reactivate Webhook "old", and replace its signing secret, which is unknown`),
		HaveSuffix("set spec.secretRef to a Secret with the value that its receivers have first, or repeat with --yes")))
	s.Expect(s.fails(s.itwin("reactivate", "--all-deactivated"))).To(ContainSubstring("replace its signing secret"))
	answered := s.onTerminal("n\n", "reactivate", "old")
	s.Expect(answered.code).To(Equal(1))
	s.Expect(answered.problems).To(MatchRegexp(`Warning: to reactivate Webhook "old" .*"old-webhook-secret".*\n.*\[y/N\]`))
	s.Expect(s.read("old").Annotations).NotTo(HaveKey(itwinv1alpha1.ReactivateRequestedAtAnnotation))

	agreed := s.onTerminal("y\n", "reactivate", "old", "--wait")
	s.Expect(s.succeeds(agreed)).To(HaveSuffix(
		`/old active; the signing secret of before is replaced: give its receivers the value of Secret "old-webhook-secret"` + "\n"))
	s.Expect(s.secret("old-webhook-secret")).To(HaveKey("secret"))
}

func TestAnImportWithASecretRefIsReactivatedWithoutAQuestion(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	f := s.imported("old")
	s.deactivated("old")
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "receivers"},
		StringData: map[string]string{"secret": f.webhooks[0].Secret},
	})
	_, err := plane.Kubectl(s.Ctx, "patch", "webhook", "old", "-n", s.Namespace, "--type=merge",
		`-p={"spec":{"secretRef":{"name":"receivers"}}}`)
	s.Must(err)
	// The update that sends the secret makes the remote webhook what the spec says, which is on.
	s.becomes("old", "Active", "Active")
	s.Expect(s.read("old").Status.SecretName).To(Equal("receivers"))
	s.Expect(s.succeeds(s.itwin("reactivate", "old", "--wait"))).To(HaveSuffix("/old is active already\n"))
	f.verify()
}

func TestToRotateAnImportNeedsYes(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.imported("old")
	s.Expect(s.fails(s.itwin("rotate", "old"))).To(ContainSubstring("repeat with --yes"))
	rotated := s.itwin("rotate", "old", "--wait", "--yes")
	s.Expect(s.succeeds(rotated)).To(And(
		ContainSubstring(`give its receivers the value of Secret "old-webhook-secret"`), Not(ContainSubstring("previous"))))
	s.Expect(rotated.problems).To(HavePrefix("Warning: to rotate Webhook \"old\" replaces its signing secret"))
}

// What a rotation says of the value before goes by the Secret.
func TestRotateSaysWhereTheValueBeforeIs(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("generated")
	s.Expect(s.succeeds(s.itwin("rotate", "generated", "--wait"))).To(
		HaveSuffix(`"generated-webhook-secret"; the one before is under its key "previous"` + "\n"))
	user := "rotator-of-" + s.Namespace
	s.maySetRequests(user)
	s.Expect(s.succeeds(s.itwin("rotate", "generated", "--wait", "--as="+user, "--as-group=system:authenticated"))).To(
		HaveSuffix(`is under its key "previous", if it has that key` + "\n"))
}

// maySetRequests gives a user the right to Webhooks, and none to Secrets.
func (s *scene) maySetRequests(user string) {
	s.Helper()
	for _, args := range [][]string{
		{
			"create", "role", "requester", "-n", s.Namespace, "--verb=get,list,patch",
			"--resource=webhooks.itwin.webhook-operator.io",
		},
		{"create", "rolebinding", "requester", "-n", s.Namespace, "--role=requester", "--user=" + user},
	} {
		_, err := plane.Kubectl(s.Ctx, args...)
		s.Must(err)
	}
}

func TestToReactivateWhatWasNeverOnFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("waiting"))
	s.becomes("waiting", "Ready", "ConnectionNotFound")
	s.Expect(s.fails(s.itwin("reactivate", "waiting", "--wait"))).To(
		ContainSubstring(`Webhook "waiting" was not turned on yet: its condition Ready says why`))
}
