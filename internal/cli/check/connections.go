package check

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/advice"
	"webhook-operator.io/itwin/internal/cli/selection"
)

// connections checks that each is ready, and that its hosts can be reached from here.
func (c *checker) connections(ctx context.Context) error {
	hosts := newReach()
	count := 0
	look := func(kind string, connection itwinv1alpha1.ConnectionObject) error {
		count++
		hosts.add(connection)
		return c.connection(kind, connection)
	}
	if err := c.eachConnection(ctx, look); err != nil {
		return err
	}
	switch {
	case count == 0 && c.unread:
		return nil // the check of the rights has told of it
	case count == 0:
		return c.found(Finding{
			Check: "connections", Result: Warning, Message: "There is no Connection in namespace " + c.namespace +
				", and no ClusterConnection",
			NextStep: "Create one, unless Webhooks are in another namespace: see -n and -A",
		})
	}
	return hosts.check(ctx, c)
}

// eachConnection visits the Connections of the namespace, or of all, and the ClusterConnections.
func (c *checker) eachConnection(
	ctx context.Context, visit func(string, itwinv1alpha1.ConnectionObject) error,
) error {
	var namespace []client.ListOption
	if !c.allNamespaces {
		namespace = append(namespace, client.InNamespace(c.namespace))
	}
	newList := func() client.ObjectList { return &itwinv1alpha1.ConnectionList{} }
	err := selection.Pages(ctx, c.client, newList, namespace, func(page client.ObjectList) error {
		connections := page.(*itwinv1alpha1.ConnectionList).Items
		for i := range connections {
			if err := visit("connection", &connections[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err := c.readable(err); err != nil {
		return err
	}
	var list itwinv1alpha1.ClusterConnectionList
	if err := c.readable(c.client.List(ctx, &list)); err != nil {
		return err
	}
	for i := range list.Items {
		if err := visit("clusterconnection", &list.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

// readable notes a refusal and drops it: the check of the rights has told of it.
func (c *checker) readable(err error) error {
	if apierrors.IsForbidden(err) {
		c.unread = true
		return nil
	}
	return err
}

// connection checks the condition Ready.
func (c *checker) connection(kind string, o itwinv1alpha1.ConnectionObject) error {
	name := kind + "/" + o.GetName()
	f := Finding{Check: name, Namespace: o.GetNamespace(), Result: OK}
	ready := meta.FindStatusCondition(o.ConnectionStatus().Conditions, itwinv1alpha1.ReadyCondition)
	reason := ""
	if ready != nil {
		reason, f.Message = ready.Reason, ready.Reason+": "+ready.Message
		if ready.Status == metav1.ConditionTrue {
			return c.found(f)
		}
	} else {
		f.Message = "The operator has not read it yet"
	}
	about := advice.About(advice.Connection, itwinv1alpha1.ReadyCondition, reason)
	subject := advice.Subject{
		Namespace: o.CredentialsNamespace(), Name: o.GetName(), Connection: name,
		Secret: o.ConnectionSpec().CredentialsSecretRef.Name,
	}
	f.Result = Problem
	f.NextStep, f.Commands = subject.Apply(about)
	return c.found(f)
}
