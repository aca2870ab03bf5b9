package cli

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gstruct"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/check"
	"webhook-operator.io/itwin/internal/harness"
)

const deployment = "itwin-webhook-operator-controller-manager"

// markAvailable sets the status of the operator's Deployment, as the controller of Deployments does where Pods run.
func markAvailable(ctx context.Context, c client.Client, replicas int32) error {
	var d appsv1.Deployment
	if err := c.Get(ctx, client.ObjectKey{Namespace: harness.Namespace, Name: deployment}, &d); err != nil {
		return err
	}
	d.Status = appsv1.DeploymentStatus{Replicas: replicas, AvailableReplicas: replicas, ReadyReplicas: replicas}
	return c.Status().Update(ctx, &d)
}

// findings of a check, which may have failed.
func (s *scene) findings(e ended) (findings []check.Finding) {
	s.Helper()
	var list struct{ Items []check.Finding }
	s.Must(json.Unmarshal([]byte(e.out), &list))
	return list.Items
}

// of returns the result of the check of a name, and what it says.
func of(findings []check.Finding, name string) check.Finding {
	i := slices.IndexFunc(findings, func(f check.Finding) bool { return f.Check == name })
	if i < 0 {
		return check.Finding{}
	}
	return findings[i]
}

func TestCheckOfASoundClusterFindsNoProblem(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("model-events")
	table := s.kubectl("itwin", "check")
	s.Expect(s.succeeds(table)).To(MatchRegexp(`^RESULT +CHECK +MESSAGE +NEXT STEP\nok +kubernetes +Kubernetes v1`))
	s.Expect(table.problems).To(BeEmpty())
	findings := s.findings(s.itwin("check", "-o", "json"))
	for _, name := range []string{
		"kubernetes", "kinds", "rights", "lease/itwin.webhook-operator.io", "deployment/" + deployment, "connection/default",
		"reach " + s.Platform.URL, "reach " + s.Platform.TokenURL(),
	} {
		s.Expect(of(findings, name)).To(gstruct.MatchFields(gstruct.IgnoreExtras, gstruct.Fields{
			"Result": Equal(check.OK), "Message": Not(BeEmpty()), "NextStep": BeEmpty(),
		}), name)
	}
}

func TestCheckSaysWhatToDoAboutAConnection(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "default"},
		Spec: itwinv1alpha1.ConnectionSpec{
			APIURL: "http://127.0.0.1:1", TokenURL: "http://127.0.0.1:1/connect/token",
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: credentials},
		},
	})
	s.Eventually(func() string {
		return of(s.findings(s.itwin("check", "-o", "json")), "connection/default").Message
	}).Should(HavePrefix("SecretNotFound: "))
	checked := s.itwin("check", "-o", "json")
	s.Expect(s.fails(checked)).To(MatchRegexp(`error: 3 of \d+ checks found a problem`))
	findings := s.findings(checked)
	connection := of(findings, "connection/default")
	s.Expect(connection.Result).To(Equal(check.Problem))
	s.Expect(connection.NextStep).To(HavePrefix("Create or correct the Secret"))
	s.Expect(connection.Commands).To(ConsistOf("kubectl -n " + s.Namespace + " describe secret " + credentials))
	reach := of(findings, "reach http://127.0.0.1:1")
	s.Expect(reach.Result).To(Equal(check.Problem))
	s.Expect(reach.Message).To(And(HavePrefix("Does not answer from here"), ContainSubstring("connection refused")))
}

func TestCheckAsksNoHostThatTheInstallationDoesNotAllow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: credentials},
		StringData: map[string]string{"clientId": s.Namespace, "clientSecret": "test-secret"},
	})
	s.Create(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "default"},
		Spec: itwinv1alpha1.ConnectionSpec{
			APIURL:               "https://internal.example.com",
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: credentials},
		},
	})
	var findings []check.Finding
	s.Eventually(func() string {
		findings = s.findings(s.itwin("check", "-o", "json"))
		return of(findings, "connection/default").Message
	}).Should(HavePrefix("HostNotAllowed: "))
	s.Expect(of(findings, "reach https://internal.example.com")).To(BeZero())
}

func TestCheckTellsWhichRightsAreMissing(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("model-events")
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "reader"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{itwinv1alpha1.GroupVersion.Group}, Resources: []string{"webhooks", "connections"},
			Verbs: []string{"get", "list"},
		}},
	}
	s.Create(role)
	s.Create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: s.Namespace}},
	})
	reader := s.itwin("check", "-o", "json", "--as="+s.Namespace, "--as-group=system:authenticated")
	s.succeeds(reader)
	var warnings []string
	for _, f := range s.findings(reader) {
		s.Expect(f.Result).NotTo(Equal(check.Problem), f.Message)
		if f.Result == check.Warning {
			s.Expect(f.NextStep).NotTo(BeEmpty())
			warnings = append(warnings, f.Check+": "+f.Message)
		}
	}
	s.Expect(warnings).To(ContainElements(
		"rights: You may not list clusterconnections: ClusterConnections cannot be checked",
		"rights: You may not patch webhooks: reactivate, reconcile and rotate do not work",
		ContainSubstring("operator: deployments.apps is forbidden")))

	guest := s.itwin("check", "-o", "json", "--as=guest", "--as-group=system:authenticated")
	s.Expect(s.fails(guest)).To(ContainSubstring("2 of"))
	rights := of(s.findings(guest), "rights")
	s.Expect(rights.Message).To(Equal("You may not list webhooks: status shows nothing"))
	s.Expect(rights.NextStep).To(HaveSuffix("ClusterRole view or itwin-webhook-operator-webhook-viewer-role"))
	s.Expect(of(s.findings(guest), "connections")).To(BeZero(), "what may not be listed may be there")
}
