package itwintest

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	// readyTimeout is generous: a test that fails because a machine is slow tells nothing.
	readyTimeout = 2 * time.Minute
	lookPeriod   = 50 * time.Millisecond
	// pollInterval is the shortest that the API allows.
	pollInterval = 10 * time.Second
)

// Connect makes a Connection to the platform and the Secret with its credentials, both with this name, and waits until
// it is Ready. The client id, and so the account on the platform, is namespace/name. Each change is made to the spec
// before; what the platform does by itself is seen after 10 s at the latest, unless a change says otherwise. Both are
// deleted when the test ends.
func (o *Operator) Connect(
	namespace, name string, changes ...func(*itwinv1alpha1.ConnectionSpec),
) *itwinv1alpha1.Connection {
	o.t.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	secret := &corev1.Secret{ObjectMeta: meta, StringData: map[string]string{
		"clientId": namespace + "/" + name, "clientSecret": "any",
	}}
	connection := &itwinv1alpha1.Connection{ObjectMeta: meta, Spec: itwinv1alpha1.ConnectionSpec{
		APIURL: o.URL, TokenURL: o.TokenURL(), PollInterval: metav1.Duration{Duration: pollInterval},
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: name},
	}}
	for _, change := range changes {
		change(&connection.Spec)
	}
	ctx := o.t.Context()
	o.must("make the credentials of a Connection", o.Client.Create(ctx, secret))
	o.must("make a Connection", o.Client.Create(ctx, connection))
	o.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		o.report("delete a Connection", client.IgnoreNotFound(o.Client.Delete(ctx, connection)))
		o.report("delete the credentials of a Connection", client.IgnoreNotFound(o.Client.Delete(ctx, secret)))
	})
	o.AwaitReady(connection)
	return connection
}

// AwaitReady reads an object until its condition Ready is True and speaks of its latest spec, and fails the test with
// its conditions when that takes two minutes. The object is a Webhook, a Connection or a ClusterConnection; it holds
// what was read last.
func (o *Operator) AwaitReady(object client.Object) {
	o.t.Helper()
	o.Await(object, "Ready", func() bool {
		ready := apimeta.FindStatusCondition(conditionsOf(object), itwinv1alpha1.ReadyCondition)
		return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.GetGeneration()
	})
}

// AwaitReason reads an object until its condition Ready has this reason, and fails the test as AwaitReady does.
func (o *Operator) AwaitReason(object client.Object, reason string) {
	o.t.Helper()
	o.Await(object, "Ready with the reason "+reason, func() bool {
		ready := apimeta.FindStatusCondition(conditionsOf(object), itwinv1alpha1.ReadyCondition)
		return ready != nil && ready.Reason == reason && ready.ObservedGeneration == object.GetGeneration()
	})
}

// Await reads an object until done, which looks at it, and fails the test with its conditions when that takes two
// minutes. What says in the failure what was waited for.
func (o *Operator) Await(object client.Object, what string, done func() bool) {
	o.t.Helper()
	key := client.ObjectKeyFromObject(object)
	var failure error
	var seen []metav1.Condition
	err := wait.PollUntilContextTimeout(o.t.Context(), lookPeriod, readyTimeout, true,
		func(ctx context.Context) (bool, error) {
			clearObject(object)
			if failure = o.Client.Get(ctx, key, object); failure == nil {
				seen = conditionsOf(object)
				return done(), nil
			}
			return false, nil
		})
	if err != nil {
		o.t.Fatalf("itwintest: %T %s has not become %s: %v\n%s", object, key, what, cmp.Or(failure, err), describe(seen))
	}
}

// Delete deletes an object and waits until it is gone, which for a Webhook means that its remote webhook is. It may be
// called in a Cleanup that is registered after Start, too.
func (o *Operator) Delete(object client.Object) {
	o.t.Helper()
	// The context of a test ends before its Cleanup functions are called.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.t.Context()), readyTimeout)
	defer cancel()
	o.must("delete "+object.GetName(), o.Client.Delete(ctx, object))
	err := wait.PollUntilContextTimeout(ctx, lookPeriod, readyTimeout, true, func(ctx context.Context) (bool, error) {
		err := o.Client.Get(ctx, client.ObjectKeyFromObject(object), object)
		return err != nil && client.IgnoreNotFound(err) == nil, nil
	})
	if err != nil {
		o.t.Fatalf("itwintest: %T %s is still there: %v\n%s", object, client.ObjectKeyFromObject(object), err,
			describe(conditionsOf(object)))
	}
}

// RequestReconcile asks the operator to look at a Webhook now, and so to see at once what the platform did by itself.
func (o *Operator) RequestReconcile(webhook *itwinv1alpha1.Webhook) {
	o.t.Helper()
	request := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`,
		itwinv1alpha1.ReconcileRequestedAtAnnotation, time.Now().Format(time.RFC3339Nano))
	o.must("ask for a look at "+webhook.Name,
		o.Client.Patch(o.t.Context(), webhook, client.RawPatch("application/merge-patch+json", []byte(request))))
}

// clearObject empties an object of the operator: what an answer does not have would stay when it is read into it.
func clearObject(object client.Object) {
	switch o := object.(type) {
	case *itwinv1alpha1.Webhook:
		*o = itwinv1alpha1.Webhook{}
	case *itwinv1alpha1.Connection:
		*o = itwinv1alpha1.Connection{}
	case *itwinv1alpha1.ClusterConnection:
		*o = itwinv1alpha1.ClusterConnection{}
	}
}

func conditionsOf(object client.Object) []metav1.Condition {
	switch o := object.(type) {
	case *itwinv1alpha1.Webhook:
		return o.Status.Conditions
	case itwinv1alpha1.ConnectionObject:
		return o.ConnectionStatus().Conditions
	}
	return nil
}

func describe(conditions []metav1.Condition) string {
	var lines strings.Builder
	for _, c := range conditions {
		fmt.Fprintf(&lines, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return lines.String()
}
