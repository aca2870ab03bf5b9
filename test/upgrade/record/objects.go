package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/test/upgrade"
)

const (
	team  = "digital-twin"
	iTwin = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	// value of the signing secrets that are not generated.
	value = "made-up-for-tests-0123456789abcdef"
)

// failing are the accounts that no call reaches any more in the end.
var failing = []string{upgrade.Unauthorized, upgrade.Limited, upgrade.Unavailable}

type change func(*itwinv1alpha1.Webhook)

// webhook creates one, which is delivered to a callback of its own.
func (r *recording) webhook(name string, changes ...change) {
	w := object(name)
	w.Spec = itwinv1alpha1.WebhookSpec{
		CallbackURL: "https://hooks.example.com/" + w.Name, Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin,
		EventTypes: []string{"iModels.iModelCreated.v1"},
	}
	for _, change := range changes {
		change(w)
	}
	r.create(w)
}

func through(account string) change {
	return func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindNamespaced, Name: account}
	}
}

func throughCluster(account string) change {
	return func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindCluster, Name: account}
	}
}

func signedWith(secret string) change {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: secret} }
}

func imports(id string) change { return func(w *itwinv1alpha1.Webhook) { w.Spec.WebhookID = id } }

func delivered(to string) change { return func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = to } }

func ofAccount(w *itwinv1alpha1.Webhook) {
	w.Spec.Scope, w.Spec.ScopeID = itwinv1alpha1.AccountScope, ""
}

func inactive(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) }

func adopts(w *itwinv1alpha1.Webhook) { w.Spec.AdoptionPolicy = itwinv1alpha1.AdoptMatching }

func retained(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote }

func onRequest(w *itwinv1alpha1.Webhook) {
	w.Spec.ReactivationPolicy = itwinv1alpha1.ReactivateOnRequest
}

func suspended(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true }

func subscribed(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = []string{"iModels.iModelDeleted.v1"} }

func annotated(name string) change {
	return func(w *itwinv1alpha1.Webhook) {
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, name, "2026-01-02T03:04:05Z")
	}
}

// connection creates a Connection, or a ClusterConnection where the Secret has a namespace of its own.
func (r *recording) connection(account, namespace string) {
	spec := itwinv1alpha1.ConnectionSpec{
		APIURL: r.platform.URL, TokenURL: r.platform.TokenURL(), PollInterval: metav1.Duration{Duration: 10 * time.Second},
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: account, Namespace: namespace},
	}
	name := metav1.ObjectMeta{Namespace: team, Name: account}
	if namespace == "" {
		r.create(&itwinv1alpha1.Connection{ObjectMeta: name, Spec: spec})
		return
	}
	spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"itwin": "enabled"}}
	spec.AllowedCallbackHosts = []string{"*.example.com"}
	name.Namespace = ""
	r.create(&itwinv1alpha1.ClusterConnection{ObjectMeta: name, Spec: spec})
}

// credentials of an account. That of a ClusterConnection has them in the operator's namespace.
func (r *recording) credentials(account, namespace string) {
	r.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: cmp.Or(namespace, team), Name: account},
		StringData: map[string]string{"clientId": account, "clientSecret": "made-up-for-tests"},
	})
}

func (r *recording) secret(name, value string) {
	r.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: name}, StringData: map[string]string{"secret": value},
	})
}

func (r *recording) create(o client.Object) {
	if r.err == nil {
		r.err = r.Client.Create(r.ctx, o, client.FieldOwner("kubectl-create"))
	}
}

func (r *recording) delete(o client.Object) {
	if r.err == nil {
		r.err = r.Client.Delete(r.ctx, o)
	}
}

// object is a Webhook of the team, or of another namespace that its name begins with.
func object(name string) *itwinv1alpha1.Webhook {
	namespace, name, found := strings.Cut(name, "/")
	if !found {
		namespace, name = team, namespace
	}
	return &itwinv1alpha1.Webhook{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// edit changes a Webhook as a person does.
func (r *recording) edit(name string, change change) {
	w := object(name)
	r.get(w)
	before := w.DeepCopy()
	change(w)
	if r.err == nil {
		r.err = r.Client.Patch(r.ctx, w, client.MergeFrom(before), client.FieldOwner("kubectl-edit"))
	}
}

func (r *recording) get(o client.Object) {
	if r.err == nil {
		r.err = r.Client.Get(r.ctx, client.ObjectKeyFromObject(o), o)
	}
}

// id is that of a Webhook's remote webhook.
func (r *recording) id(name string) string {
	w := object(name)
	r.get(w)
	return w.Status.WebhookID
}

// becomes waits until Ready of a Webhook has a reason for the current spec, and more holds, if anything.
func (r *recording) becomes(name, reason string, more ...func(*itwinv1alpha1.Webhook) bool) {
	w := object(name)
	r.until(w, reason, func() []metav1.Condition { return w.Status.Conditions }, func() bool {
		for _, holds := range more {
			if !holds(w) {
				return false
			}
		}
		return true
	})
}

// connected waits until Ready of a connection has a reason.
func (r *recording) connected(account, namespace, reason string) {
	var c itwinv1alpha1.ConnectionObject = &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: account},
	}
	if namespace != "" {
		c = &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: account}}
	}
	r.until(c, reason, func() []metav1.Condition { return c.ConnectionStatus().Conditions }, func() bool { return true })
}

func (r *recording) until(
	o client.Object, reason string, conditions func() []metav1.Condition, more func() bool,
) {
	if r.err != nil {
		return
	}
	what := fmt.Sprintf("%T %s says %s", o, o.GetName(), reason)
	r.err = harness.Until(r.ctx, what, func(ctx context.Context) error {
		if err := r.Client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		ready := apimeta.FindStatusCondition(conditions(), itwinv1alpha1.ReadyCondition)
		if ready == nil || ready.Reason != reason || ready.ObservedGeneration != o.GetGeneration() || !more() {
			return fmt.Errorf("the conditions are %v", conditions())
		}
		return nil
	})
}

// are waits for the same reason of several.
func (r *recording) are(reason string, names ...string) {
	for _, name := range names {
		r.becomes(name, reason)
	}
}

// isGone waits until a Webhook does not exist any more.
func (r *recording) isGone(name string) {
	if r.err != nil {
		return
	}
	r.err = harness.Until(r.ctx, name+" is deleted", func(ctx context.Context) error {
		err := r.Client.Get(ctx, client.ObjectKeyFromObject(object(name)), object(name))
		if err == nil {
			return errors.New("it is still there")
		}
		return client.IgnoreNotFound(err)
	})
}

// deactivate turns a remote webhook off as the platform does.
func (r *recording) deactivate(name string) {
	if id := r.id(name); r.err == nil {
		r.err = r.platform.Deactivate(r.ctx, id)
	}
}
