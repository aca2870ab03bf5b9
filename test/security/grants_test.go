package security

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

const (
	ours             = "itwin.webhook-operator.io"
	updateFinalizers = "update webhooks." + ours + "/finalizers"
	prefix           = "itwin-webhook-operator-"
)

// needsEveryGrant compares what the operator may do with what the scenarios need: nothing may be left over.
func (i *installation) needsEveryGrant(t *testing.T) {
	g := NewWithT(t)
	granted := i.grants(t)
	g.Expect(slices.Sorted(maps.Keys(i.needed))).To(Equal(granted),
		"the roles of %s and the scenarios must name the same", i.extent)
	for _, grant := range granted {
		t.Logf("%-60s %s", grant, strings.Join(i.needed[grant], "; "))
	}
}

// isRefusedNothing: a refused request is either one too many, or lacks a rule.
func (i *installation) isRefusedNothing(t *testing.T) {
	events := i.audit.events(t, 0)
	if len(events) == 0 {
		t.Error("the API server saw nothing of the operator")
	}
	for _, e := range events {
		if e.denied() {
			t.Errorf("%s %s was refused", e.Verb, e.RequestURI)
		}
	}
}

// grants are what the manifests let the operator's account do, by whatever role.
func (i *installation) grants(t *testing.T) (grants []string) {
	t.Helper()
	for _, rules := range i.boundRules(t) {
		for _, rule := range rules {
			grants = append(grants, grantsOf(rule)...)
		}
	}
	slices.Sort(grants)
	return slices.Compact(grants)
}

func grantsOf(rule rbacv1.PolicyRule) (grants []string) {
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			resource, subresource, _ := strings.Cut(resource, "/")
			for _, verb := range rule.Verbs {
				grants = append(grants, grantOf(verb, resource, subresource, group))
			}
		}
	}
	return grants
}

// boundRules are the rules of the roles that are bound to the operator's account.
func (i *installation) boundRules(t *testing.T) (all [][]rbacv1.PolicyRule) {
	t.Helper()
	g, ctx, api := NewWithT(t), t.Context(), i.plane.Client
	var everywhere rbacv1.ClusterRoleBindingList
	g.Expect(api.List(ctx, &everywhere)).To(Succeed())
	for _, b := range everywhere.Items {
		if slices.ContainsFunc(b.Subjects, isAccount) {
			var role rbacv1.ClusterRole
			g.Expect(api.Get(ctx, client.ObjectKey{Name: b.RoleRef.Name}, &role)).To(Succeed())
			all = append(all, role.Rules)
		}
	}
	var here rbacv1.RoleBindingList
	g.Expect(api.List(ctx, &here)).To(Succeed())
	for _, b := range here.Items {
		if slices.ContainsFunc(b.Subjects, isAccount) {
			all = append(all, i.rulesOf(t, b.Namespace, b.RoleRef))
		}
	}
	return all
}

// rulesOf a role that is bound in a namespace, where it may be of either kind.
func (i *installation) rulesOf(t *testing.T, namespace string, ref rbacv1.RoleRef) []rbacv1.PolicyRule {
	t.Helper()
	g := NewWithT(t)
	if ref.Kind == "ClusterRole" {
		var role rbacv1.ClusterRole
		g.Expect(i.plane.Client.Get(t.Context(), client.ObjectKey{Name: ref.Name}, &role)).To(Succeed())
		return role.Rules
	}
	var role rbacv1.Role
	g.Expect(i.plane.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: ref.Name}, &role)).To(Succeed())
	return role.Rules
}

func isAccount(s rbacv1.Subject) bool {
	return s.Kind == rbacv1.ServiceAccountKind && s.Namespace == harness.Namespace && s.Name == accountName
}

// ownedSecretsNeedFinalizers: where the API server protects owners, a generated Secret could not be made without the
// rule about finalizers.
func (i *installation) ownedSecretsNeedFinalizers(t *testing.T) {
	g, ctx := patient(t), t.Context()
	var whole rbacv1.ClusterRole
	g.Expect(i.plane.Client.Get(ctx, client.ObjectKey{Name: prefix + "manager-role"}, &whole)).To(Succeed())
	less := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "less"}}
	for _, rule := range whole.Rules {
		if !slices.Contains(grantsOf(rule), updateFinalizers) {
			less.Rules = append(less.Rules, rule)
		}
	}
	i.create(ctx, g, less, bindingOf("less", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "less"}))

	owner := (&scene{namespace: "default", name: "owner"}).webhook("owner")
	i.create(ctx, g, owner)
	g.Expect(i.makesOwnedSecret(ctx, accountUser, owner)).To(Succeed())
	g.Eventually(func() error { return i.makesOwnedSecret(ctx, "less", owner) }).
		Should(MatchError(ContainSubstring("blockOwnerDeletion")))
}

// makesOwnedSecret tries, as a user, to make a Secret that a Webhook owns.
func (i *installation) makesOwnedSecret(ctx context.Context, user string, owner *itwinv1alpha1.Webhook) error {
	config := rest.CopyConfig(i.plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	as, err := client.New(config, client.Options{Scheme: i.plane.Client.Scheme()})
	if err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: owner.Namespace, Name: "owned"}}
	if err := controllerutil.SetControllerReference(owner, secret, as.Scheme()); err != nil {
		return err
	}
	return as.Create(ctx, secret, client.DryRunAll)
}

func bindingOf(role string, subject rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role + "-of-" + subject.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{subject},
	}
}
