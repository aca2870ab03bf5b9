package cli

import (
	"fmt"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

const many = 50

// Fifty webhooks of scripts come under management, and nothing is written to them: their receivers still verify, and
// the one that is off stays off.
func TestAnExportIsAppliedAndResumedNothingIsWritten(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	f := newForeign(s, many)
	f.unmanagedBecomes(many)
	s.Must(s.Platform.ResetRequests(s.Ctx))
	e := s.itwin("export", "--connection", "default")
	manifests := s.succeeds(e)
	s.Expect(e.problems).To(ContainSubstring("50 exported, 1 of them off; 0 claimed"))
	s.Expect(s.succeeds(s.itwin("export", "--connection", "default"))).To(Equal(manifests), "the same on each run")
	webhooks := f.parsed(manifests)
	s.Expect(webhooks).To(HaveLen(many))
	f.apply(manifests)
	f.unmanagedBecomes(0)
	for i := range webhooks {
		s.becomes(webhooks[i].Name, itwinv1alpha1.SuspendedCondition, itwinv1alpha1.SuspendedReason)
	}
	f.unchanged()
	e = s.itwin("export", "--connection", "default")
	s.Expect(s.succeeds(e)).To(BeEmpty())
	s.Expect(e.problems).To(ContainSubstring("0 exported, 0 of them off; 50 claimed"))

	f.resume(webhooks)
	f.areReady(webhooks)
	f.unchanged()
	for _, route := range []string{writesByPatch, writesByPost, deletes} {
		s.Expect(f.calls(route)).To(BeZero(), route)
	}
	f.verify()
	w := s.read(webhooks[0].Name)
	s.Expect(w.Status.SecretName).To(BeEmpty())
	ready := meta.FindStatusCondition(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
	s.Expect(ready.Message).To(ContainSubstring("signing secret is unknown"))
	var secrets corev1.SecretList
	s.Must(plane.Client.List(s.Ctx, &secrets, client.InNamespace(s.Namespace)))
	s.Expect(secrets.Items).To(HaveLen(1), "the credentials")
	on := slices.IndexFunc(webhooks, func(w itwinv1alpha1.Webhook) bool { return w.WantsActive() })
	f.staysOff(webhooks[on].Name)
}

// With the secrets that the receivers have, each webhook is sent its own secret once, and the operator knows it.
func TestAnExportKeepsTheSecretsThatAreFilledInReceiversStillVerify(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	f := newForeign(s, many)
	manifests := s.succeeds(s.itwin("export", "--connection", s.Namespace+"/default", "--keep-secret"))
	webhooks := f.parsed(manifests)
	f.apply(manifests)
	values := map[string]string{}
	for _, w := range f.webhooks {
		values[w.ID] = w.Secret
	}
	for i := range webhooks {
		w := webhooks[i]
		s.Create(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: w.Spec.SecretRef.Name},
			StringData: map[string]string{w.Spec.SecretRef.Key: values[w.Spec.WebhookID]},
		})
	}
	f.unmanagedBecomes(0)
	f.resume(webhooks)
	f.areReady(webhooks)
	f.unchanged()
	s.Expect(f.calls(writesByPost)).To(BeZero())
	s.Expect(f.calls(writesByPatch)).To(Equal(many), "the secret of each, once")
	f.verify()
	s.Expect(s.read(webhooks[0].Name).Status.SecretName).To(Equal(webhooks[0].Spec.SecretRef.Name))
}

// One token and one list, whatever there is to export, with credentials of the environment and without a Connection.
func TestCredentialsOfTheEnvironmentNeedNoConnection(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	f := newForeign(s, 3)
	s.Must(plane.Client.Delete(s.Ctx, &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "default"},
	}))
	s.Eventually(func() error {
		_, err := plane.Kubectl(s.Ctx, "get", "connection", "default", "-n", s.Namespace)
		return err
	}).Should(MatchError(ContainSubstring("not found")))
	s.Must(s.Platform.ResetRequests(s.Ctx))
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	command := s.command(path, "export", "--api-url", s.Platform.URL, "--token-url", s.Platform.TokenURL(), "-n", s.Namespace)
	command.Env = append(command.Env, "ITWIN_CLIENT_ID="+s.Namespace, "ITWIN_CLIENT_SECRET=test-secret")
	s.Expect(f.parsed(s.succeeds(s.run(command)))).To(HaveLen(3))
	counts, err := s.Platform.Requests(s.Ctx)
	s.Must(err)
	for route, n := range counts.Counts {
		s.Expect(n).To(Equal(map[string]int{"POST /connect/token": 1, lists: 1}[route]), route)
	}
}

// What cannot be a Webhook is told, and commented out: what is left can be applied.
func TestOddRemoteWebhooksAreCommentedOut(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	f := newForeign(s, 2)
	_, err := s.Platform.AddWebhooks(s.Ctx, []simulator.Seed{{
		ClientID: s.Namespace, Scope: "iTwin", ScopeID: iTwin, EventTypes: []string{eventType},
		CallbackURL: "https://under_score.example.com/odd?token=hidden",
	}})
	s.Must(err)
	e := s.itwin("export", "--connection", "default")
	s.Expect(e.code).To(Equal(1))
	s.Expect(e.problems).To(And(ContainSubstring("its callbackUrl has no usable host"), ContainSubstring("1 remote webhooks were not exported")))
	s.Expect(e.out).To(ContainSubstring("#     callbackUrl: https://under_score.example.com/odd"))
	s.Expect(e.out + e.problems).NotTo(ContainSubstring("hidden"))
	s.Expect(f.parsed(e.out)).To(HaveLen(2))
	f.apply(e.out)
	f.unmanagedBecomes(1)
}

func TestAConnectionThatAllowsNoAdoptionIsToldInAnExport(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	newForeign(s, 1)
	_, err := plane.Kubectl(s.Ctx, "patch", "connection", "default", "-n", s.Namespace, "--type=merge",
		`-p={"spec":{"allowAdoption":"None","allowedCallbackHosts":["*.example.com"]}}`)
	s.Must(err)
	e := s.itwin("export", "--connection", "default", "-o", "json")
	s.succeeds(e)
	s.Expect(e.problems).To(And(ContainSubstring("spec.allowAdoption to Matching"),
		ContainSubstring("does not allow callbacks to 127.0.0.1")))
	s.Expect(e.out).To(ContainSubstring(`"kind": "List"`))
}

// Credentials of a Connection, which anyone in a namespace may point anywhere, are not sent to any host.
func TestTheCredentialsOfAConnectionAreNotSentToAnyHost(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	_, err := plane.Kubectl(s.Ctx, "patch", "connection", "default", "-n", s.Namespace, "--type=merge",
		`-p={"spec":{"tokenUrl":"https://token.example.com/connect/token"}}`)
	s.Must(err)
	s.Expect(s.itwin("export", "--connection", "default").problems).To(ContainSubstring("--allowed-api-hosts"))
}

// A user of one namespace exports what its Connections reach, and is told what was left out.
func TestAllIsWhatAUserMayRead(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	f := newForeign(s, 2)
	second := &itwinv1alpha1.Connection{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "second"}}
	var first itwinv1alpha1.Connection
	s.Must(plane.Client.Get(s.Ctx, client.ObjectKey{Namespace: s.Namespace, Name: "default"}, &first))
	second.Spec = first.Spec
	second.Spec.AllowAdoption = itwinv1alpha1.AllowAdoptionNone
	s.Create(second)
	ours := "webhooks.itwin.webhook-operator.io,connections.itwin.webhook-operator.io"
	kubeconfig := s.userWith("get,list", ours)
	s.Expect(s.fails(s.itwin("export", "--connection", "default", "--kubeconfig", kubeconfig))).To(And(
		ContainSubstring("you may not read Secret"), ContainSubstring("ITWIN_CLIENT_ID")))
	kubeconfig = s.userWith("get,list", ours+",secrets")
	s.Must(s.Platform.ResetRequests(s.Ctx))
	e := s.itwin("export", "--all", "--kubeconfig", kubeconfig)
	s.Expect(f.parsed(s.succeeds(e))).To(HaveLen(2), "one account, once")
	s.Expect(e.problems).To(And(
		ContainSubstring("may not list the Connections of all namespaces"), ContainSubstring("may not list ClusterConnections"),
		ContainSubstring("may not list the Webhooks of all namespaces"),
		ContainSubstring("also reached by Connection "+s.Namespace+"/second"),
	))
}

func TestAnExportThatCannotBeginSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no account":    {nil, "--connection"},
		"both":          {[]string{"--all", "--connection", "default"}, "exclude each other"},
		"no connection": {[]string{"--connection", "missing"}, "there is no Connection " + s.Namespace + "/missing"},
		"no name":       {[]string{"--connection", "a/b/c"}, "write NAME"},
		"other space":   {[]string{"--connection", "other/default"}, "leave out -n"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(s.fails(s.itwin(append([]string{"export"}, c.args...)...))).To(ContainSubstring(c.want))
		})
	}
	s.Must(plane.Client.Delete(s.Ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: credentials},
	}))
	s.Expect(s.fails(s.itwin("export", "--connection", "default"))).To(ContainSubstring(fmt.Sprintf(
		"there is no Secret %q", credentials)))
}
