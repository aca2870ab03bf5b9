// Package operator finds the installations of the operator in a cluster.
package operator

import (
	"context"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// DefaultNamespace is where config/default and the chart install the operator.
const DefaultNamespace = "itwin-webhook-operator-system"

// LeaseName begins the name of the lease of an installation; those of shards have more behind it.
const LeaseName = "itwin.webhook-operator.io"

// Labels are those of the operator's Deployments and Pods.
var Labels = client.MatchingLabels{
	"app.kubernetes.io/name": "itwin-webhook-operator", "control-plane": "controller-manager",
}

// Installed is what a cluster has of the operator, as far as the user may read it.
type Installed struct {
	Deployments []appsv1.Deployment
	Leases      []coordinationv1.Lease
	// LeasesRead are the namespaces whose leases the user may read.
	LeasesRead map[string]bool
	// Unread are the refusals of the API server to show more.
	Unread []error
}

// Find looks in all namespaces; a user who may not, in those that are named.
func Find(ctx context.Context, c client.Client, namespaces ...string) (Installed, error) {
	found := Installed{LeasesRead: map[string]bool{}}
	var all appsv1.DeploymentList
	err := c.List(ctx, &all, Labels)
	if err != nil && !apierrors.IsForbidden(err) {
		return found, err
	}
	found.Deployments = all.Items
	if err == nil {
		for i := range all.Items {
			namespaces = append(namespaces, all.Items[i].Namespace)
		}
	}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		if err != nil {
			if err := found.readDeployments(ctx, c, namespace); err != nil {
				return found, err
			}
		}
		if err := found.readLeases(ctx, c, namespace); err != nil {
			return found, err
		}
	}
	return found, nil
}

func (f *Installed) readDeployments(ctx context.Context, c client.Client, namespace string) error {
	var list appsv1.DeploymentList
	err := c.List(ctx, &list, Labels, client.InNamespace(namespace))
	f.Deployments = append(f.Deployments, list.Items...)
	return f.unread(err)
}

func (f *Installed) readLeases(ctx context.Context, c client.Client, namespace string) error {
	var list coordinationv1.LeaseList
	err := c.List(ctx, &list, client.InNamespace(namespace))
	f.LeasesRead[namespace] = err == nil
	for i := range list.Items {
		if strings.HasPrefix(list.Items[i].Name, LeaseName) {
			f.Leases = append(f.Leases, list.Items[i])
		}
	}
	return f.unread(err)
}

// Container is the one of a Deployment in which the operator runs.
func Container(d *appsv1.Deployment) corev1.Container {
	containers := d.Spec.Template.Spec.Containers
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == "manager" })
	return containers[max(i, 0)]
}

// Enabled reports whether a flag of the operator that takes true or false is true; by default is what it is without.
func Enabled(d *appsv1.Deployment, flag string, byDefault bool) bool {
	enabled, c := byDefault, Container(d)
	for _, argument := range slices.Concat(c.Command, c.Args) {
		if !strings.HasPrefix(argument, "-") {
			continue
		}
		name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(argument, "-"), "-"), "=")
		if name != flag {
			continue
		}
		if !given {
			value = "true"
		}
		if parsed, err := strconv.ParseBool(value); err == nil {
			enabled = parsed // the last one counts
		}
	}
	return enabled
}

// unread keeps a refusal, and returns other errors.
func (f *Installed) unread(err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	f.Unread = append(f.Unread, err)
	return nil
}
