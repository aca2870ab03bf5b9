package check

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"

	"webhook-operator.io/itwin/internal/cli/operator"
)

// defaultLease is how long a lease without a duration holds.
const defaultLease = 15 * time.Second

// operator checks that the operator runs, and that a replica leads.
func (c *checker) operator(ctx context.Context, now time.Time) error {
	found, err := operator.Find(ctx, c.client, c.operatorNamespace, c.namespace)
	if err != nil {
		return err
	}
	for _, err := range found.Unread {
		err := c.found(Finding{
			Check: "operator", Result: Warning, Message: err.Error(),
			NextStep: "Ask the operator's owner to run this check, or name its namespace by --operator-namespace",
		})
		if err != nil {
			return err
		}
	}
	leads := map[string]bool{}
	for i := range found.Leases {
		lease := &found.Leases[i]
		leads[lease.Namespace] = leads[lease.Namespace] || heldAt(lease, now)
	}
	for i := range found.Leases {
		lease := &found.Leases[i]
		if err := c.lease(lease, leads[lease.Namespace], now); err != nil {
			return err
		}
	}
	for i := range found.Deployments {
		d := &found.Deployments[i]
		_, exists := leads[d.Namespace]
		if !exists && found.LeasesRead[d.Namespace] && elects(d) {
			if err := c.noLease(d); err != nil {
				return err
			}
		}
		if err := c.deployment(d, leads[d.Namespace]); err != nil {
			return err
		}
	}
	if len(found.Deployments)+len(found.Leases)+len(found.Unread) > 0 {
		return nil
	}
	return c.found(Finding{
		Check: "operator", Result: Problem, Message: "There is no Deployment of the operator in this cluster",
		NextStep: "Install the operator", Commands: []string{"kubectl apply --server-side -f operator.yaml"},
	})
}

// deployment checks one. Where a lease is held although no Pod is available, the operator runs outside of it.
func (c *checker) deployment(d *appsv1.Deployment, leads bool) error {
	f := Finding{
		Check: "deployment/" + d.Name, Namespace: d.Namespace, Result: OK,
		Message: fmt.Sprintf("%d of %d replicas are available; image %s",
			d.Status.AvailableReplicas, replicas(d), operator.Container(d).Image),
	}
	switch {
	case d.Status.AvailableReplicas == 0 && leads:
		f.Result, f.NextStep = Warning, "Nothing, if the operator runs outside of this Deployment: a lease is held"
	case d.Status.AvailableReplicas == 0:
		f.Result = Problem
		f.NextStep = "Nothing runs as a Pod: see why, unless the operator runs outside of the cluster on purpose"
		f.Commands = []string{
			fmt.Sprintf("kubectl -n %s describe deployment %s", d.Namespace, d.Name),
			fmt.Sprintf("kubectl -n %s logs deployment/%s --tail=50", d.Namespace, d.Name),
		}
	case !leads && elects(d):
		f.Result, f.NextStep = Problem, "See in the log why no replica leads"
		f.Commands = []string{fmt.Sprintf("kubectl -n %s logs deployment/%s --tail=50", d.Namespace, d.Name)}
	case d.Status.AvailableReplicas < replicas(d):
		f.Result, f.NextStep = Warning, "See why not all replicas are available"
		f.Commands = []string{fmt.Sprintf("kubectl -n %s describe deployment %s", d.Namespace, d.Name)}
	}
	return c.found(f)
}

// noLease tells of a Deployment whose replicas elect a leader, and have made no lease.
func (c *checker) noLease(d *appsv1.Deployment) error {
	return c.found(Finding{
		Check: "lease/" + operator.LeaseName, Namespace: d.Namespace, Result: Problem,
		Message:  fmt.Sprintf("No lease was found, and Deployment %s has --leader-elect: no replica works", d.Name),
		NextStep: "See in the operator's log why no replica leads",
		Commands: []string{fmt.Sprintf("kubectl -n %s logs deployment/%s --tail=50", d.Namespace, d.Name)},
	})
}

// elects reports whether the replicas of a Deployment elect a leader.
func elects(d *appsv1.Deployment) bool { return operator.Enabled(d, "leader-elect", false) }

// lease checks that it is held. One that is not, beside one that is, may be of an installation of before.
func (c *checker) lease(l *coordinationv1.Lease, leads bool, now time.Time) error {
	f := Finding{Check: "lease/" + l.Name, Namespace: l.Namespace, Result: OK}
	holder := ""
	if l.Spec.HolderIdentity != nil {
		holder = *l.Spec.HolderIdentity
	}
	switch {
	case heldAt(l, now):
		f.Message = fmt.Sprintf("Held by %s, renewed %s ago", holder, age(l, now))
		return c.found(f)
	case holder == "":
		f.Message = "No replica holds the lease, so none works"
	default:
		f.Message = fmt.Sprintf("%s held it last, and renewed it %s ago: no replica works", holder, age(l, now))
	}
	f.Result, f.NextStep = Problem, "See in the operator's log why no replica leads"
	f.Commands = []string{fmt.Sprintf("kubectl -n %s get lease %s -o yaml", l.Namespace, l.Name)}
	if leads {
		f.Result, f.NextStep = Warning, "Delete the lease if no shard with this name runs any more"
	}
	return c.found(f)
}

// heldAt reports whether a lease has a holder that has renewed it in time.
func heldAt(l *coordinationv1.Lease, now time.Time) bool {
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" || l.Spec.RenewTime == nil {
		return false
	}
	holds := defaultLease
	if l.Spec.LeaseDurationSeconds != nil {
		holds = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
	}
	// The holder's clock may differ a little from the API server's.
	return now.Sub(l.Spec.RenewTime.Time) < holds+clockSkew
}

// clockSkew is how much clocks of a cluster are taken to differ at most.
const clockSkew = 30 * time.Second

func age(l *coordinationv1.Lease, now time.Time) time.Duration {
	if l.Spec.RenewTime == nil {
		return 0
	}
	return max(0, now.Sub(l.Spec.RenewTime.Time).Round(time.Second))
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}
