package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

func TestReactivateWaitsUntilTheWebhookIsActive(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("off", onRequest)
	s.deactivated("off")
	out := s.succeeds(s.kubectl("itwin", "reactivate", "off", "--wait"))
	s.Expect(out).To(Equal("webhook.itwin.webhook-operator.io/off reactivation requested\n" +
		"webhook.itwin.webhook-operator.io/off active\n"))
	s.Expect(s.read("off").Status.Active).To(HaveValue(BeTrue()))

	s.Expect(s.succeeds(s.itwin("reactivate", "off"))).To(Equal(
		"webhook.itwin.webhook-operator.io/off is active already\n"))
}

func TestRotateGivesAnotherSecret(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("generated")
	before := s.secret("generated-webhook-secret")
	out := s.succeeds(s.itwin("rotate", "generated", "--wait"))
	s.Expect(out).To(ContainSubstring(`the platform signs with the new value of Secret "generated-webhook-secret"`))
	after := s.secret("generated-webhook-secret")
	s.Expect(after["secret"]).NotTo(Equal(before["secret"]))
	s.Expect(after["previous"]).To(Equal(before["secret"]))
	s.Expect(out).NotTo(ContainSubstring(string(after["secret"])))
}

func (s *scene) secret(name string) map[string][]byte {
	s.Helper()
	var secret corev1.Secret
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &secret))
	return secret.Data
}

func TestReconcileTellsTheOutcome(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("good")
	s.Expect(s.succeeds(s.itwin("reconcile", "good", "--wait"))).To(ContainSubstring("in sync with the platform"))
	s.Create(s.webhook("bad", func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = "e6989b43-53ab-45e2-a610-560c6f7e879e" }))
	s.becomes("bad", "Ready", "NotFound")
	bad := s.itwin("reconcile", "bad", "--wait")
	s.Expect(bad.code).To(Equal(1))
	s.Expect(bad.problems).To(MatchRegexp(`error: Webhook "bad" is not in sync: NotFound: [^\n]+\n$`))
}

func TestWhatCannotBeAskedIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("paused", suspended))
	s.Create(s.webhook("mine", func(w *itwinv1alpha1.Webhook) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: "hmac"}
	}))
	s.Create(s.webhook("inactive", func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(bool) }))
	for command, want := range map[string]string{
		"reactivate paused":                 "set spec.suspend: false first",
		"reconcile paused --wait":           "set spec.suspend: false first",
		"rotate mine":                       `your own Secret "hmac": change its value`,
		"reactivate inactive":               "set spec.active: true",
		"reactivate none":                   `there is no Webhook "none"`,
		"reactivate":                        "name some, or use --all-deactivated",
		"rotate mine --all":                 "names and --all exclude each other",
		"reconcile mine --dry-run --wait":   "--dry-run and --wait",
		"reactivate mine --timeout tomorow": "--timeout",
	} {
		s.Expect(s.fails(s.itwin(strings.Fields(command)...))).To(ContainSubstring(want), command)
	}
	for _, name := range []string{"paused", "mine", "inactive"} {
		s.Expect(s.read(name).Annotations).To(BeEmpty())
	}
}

func TestSeveralNamesAreAskedEvenIfOneCannotBe(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("paused", suspended))
	s.Create(s.webhook("other"))
	several := s.itwin("reconcile", "paused", "none", "other")
	s.Expect(several.code).To(Equal(1))
	s.Expect(several.problems).To(MatchRegexp(`^error: [^\n]+suspended[^\n]+\nerror: [^\n]+"none"[^\n]+\n$`))
	s.Expect(several.out).To(Equal("webhook.itwin.webhook-operator.io/other reconciliation requested\n"))
	s.Expect(s.read("other").Annotations).To(HaveKey(itwinv1alpha1.ReconcileRequestedAtAnnotation))
}

func TestADryRunRequestsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("model-events"))
	s.Expect(s.succeeds(s.itwin("reconcile", "--all", "--dry-run"))).To(HaveSuffix("reconciliation requested (dry run)\n"))
	s.Expect(s.read("model-events").Annotations).To(BeEmpty())
}

func TestAWaitEndsAfterItsTimeout(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("alone"))
	s.becomes("alone", "Ready", "ConnectionNotFound")
	waited := s.itwin("reconcile", "alone", "--wait", "--timeout=1s")
	s.Expect(waited.code).To(Equal(1))
	s.Expect(waited.problems).To(MatchRegexp(`Waiting for Webhook "alone": ConnectionNotFound: .+\n` +
		`error: Webhook "alone" has not answered the request to reconcile within 1s \(ConnectionNotFound: .+the request stays` +
		".+`kubectl itwin check -n " + s.Namespace + "` says why\n$"))
}

func TestCtrlCEndsAWaitWithOneLine(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	command, problems := s.waitsFor("alone")
	s.Must(command.Process.Signal(os.Interrupt))
	s.Expect(command.Wait()).To(HaveOccurred())
	s.Expect(command.ProcessState.ExitCode()).To(Equal(1))
	lines := strings.Split(strings.TrimSpace(problems.String()), "\n")
	s.Expect(lines).To(HaveLen(2))
	s.Expect(lines[1]).To(And(HavePrefix(`error: interrupted while Webhook "alone" has not answered`), ContainSubstring("kubectl itwin status")))
}

func TestAllDeactivatedAsksHowMany(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	for _, name := range []string{"a", "b", "on"} {
		s.ready(name, onRequest)
	}
	s.deactivated("a")
	s.deactivated("b")

	s.Expect(s.fails(s.itwin("reactivate", "--all-deactivated"))).To(And(
		ContainSubstring(`reactivate 2 Webhooks in namespace "`+s.Namespace+`"`), ContainSubstring("repeat with --yes")))
	answered := s.onTerminal("n\n", "reactivate", "--all-deactivated")
	s.Expect(answered.code).To(Equal(1))
	s.Expect(answered.problems).To(ContainSubstring(`Reactivate 2 Webhooks in namespace "` + s.Namespace + `"? [y/N]`))
	s.Expect(s.read("a").Annotations).NotTo(HaveKey(itwinv1alpha1.ReactivateRequestedAtAnnotation))

	out := s.succeeds(s.onTerminal("y\n", "reactivate", "--all-deactivated", "--wait"))
	s.Expect(out).To(ContainSubstring("/a active\n"))
	s.Expect(out).To(ContainSubstring("/b active\n"))
	s.Expect(out).NotTo(ContainSubstring("/on "))

	none := s.itwin("reactivate", "--all-deactivated", "--yes", "--wait")
	s.Expect(s.succeeds(none)).To(BeEmpty())
	s.Expect(none.problems).To(Equal("There is no Webhook to reactivate.\n"))
}

func TestManyAreWaitedForTogether(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name := range strings.SplitSeq("abcdefghijkl", "") {
		w := s.webhook(name)
		w.Finalizers = nil
		s.Create(w)
	}
	waited := s.itwin("reconcile", "--all", "--yes", "--wait", "--timeout=2s")
	s.Expect(waited.code).To(Equal(1))
	s.Expect(waited.problems).To(ContainSubstring("12 Webhooks have not answered the request to reconcile within 2s"))
}

func TestAWebhookThatIsDeletedMeanwhileIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	command, problems := s.waitsFor("alone")
	s.Must(plane.Client.Delete(s.Ctx, &itwinv1alpha1.Webhook{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "alone"}}))
	s.Expect(command.Wait()).To(HaveOccurred())
	s.Expect(problems.String()).To(MatchRegexp(`error: Webhook "alone" (was deleted meanwhile|is being deleted)\n$`))
}

// waitsFor makes a Webhook that no connection serves, and starts a command that waits for it.
func (s *scene) waitsFor(name string) (command *exec.Cmd, problems *buffer) {
	s.Helper()
	s.Create(s.webhook(name))
	s.becomes(name, "Ready", "ConnectionNotFound")
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	command = s.command(path, "reconcile", name, "--wait", "--namespace="+s.Namespace)
	problems = &buffer{}
	command.Stderr = problems
	s.Must(command.Start())
	s.Eventually(problems.String).Should(ContainSubstring("Waiting for"))
	return command, problems
}
