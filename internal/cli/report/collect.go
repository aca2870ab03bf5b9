package report

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/check"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/operator"
	"webhook-operator.io/itwin/internal/cli/selection"
)

// collector reads what a bundle has, a page at a time.
type collector struct {
	*options
	*bundle
	env       *env.Env
	client    client.Client
	clientset *kubernetes.Clientset
	namespace string
	// kubernetes is the version of the API server.
	kubernetes string
	installed  operator.Installed
	// kinds are what was written, in that order, and counts how many of each.
	kinds  []string
	counts map[string]int
}

// collector connects to the cluster, which must answer.
func (o *options) collector(e *env.Env) (*collector, error) {
	c := &collector{options: o, env: e, counts: map[string]int{}}
	var err error
	if c.namespace, err = e.Namespace(); err != nil {
		return nil, err
	}
	if c.client, err = e.Client(); err != nil {
		return nil, err
	}
	if c.clientset, err = e.Clientset(); err != nil {
		return nil, err
	}
	version, err := c.clientset.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	c.kubernetes = version.GitVersion
	return c, nil
}

// write writes the bundle. What cannot be read is noted in it.
func (c *collector) write(ctx context.Context, out io.Writer) error {
	c.bundle = newBundle(out, c.env.Now(), newRedactor(c.platforms(ctx)))
	var err error
	if c.installed, err = operator.Find(ctx, c.client, c.operatorNamespace, c.namespace); err != nil {
		c.leave("operator", err)
	}
	for _, err := range c.installed.Unread {
		c.leave("operator", err)
	}
	for _, part := range []func(context.Context) error{
		c.versions, c.objects, c.events, c.operator, c.metrics, c.findings,
	} {
		if err := part(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return c.close()
}

// platforms are the hosts that the connections name.
func (c *collector) platforms(ctx context.Context) map[string]bool {
	hosts := map[string]bool{}
	for _, kind := range []string{"Connection", "ClusterConnection"} {
		// What goes wrong is noted when these kinds are written.
		gvk := itwinv1alpha1.GroupVersion.WithKind(kind)
		_ = c.pages(ctx, gvk, c.scope(kind), func(page []unstructured.Unstructured) error {
			for i := range page {
				for _, field := range []string{"apiUrl", "tokenUrl"} {
					address, _, _ := unstructured.NestedString(page[i].Object, "spec", field)
					if parsed, err := url.Parse(address); err == nil {
						hosts[parsed.Host] = true
					}
				}
			}
			return nil
		})
	}
	return hosts
}

// scope is the namespace of a kind's objects.
func (c *collector) scope(kind string) []client.ListOption {
	if c.allNamespaces || kind == "ClusterConnection" {
		return nil
	}
	return []client.ListOption{client.InNamespace(c.namespace)}
}

func (c *collector) objects(ctx context.Context) error {
	for _, kind := range []string{"Webhook", "Connection", "ClusterConnection"} {
		gvk := itwinv1alpha1.GroupVersion.WithKind(kind)
		if err := c.writeKind(ctx, strings.ToLower(kind)+"s", gvk, c.scope(kind), nil); err != nil {
			return err
		}
	}
	return nil
}

// events are those of our kinds, and those of the operator's namespaces.
func (c *collector) events(ctx context.Context) error {
	gvk := schema.GroupVersionKind{Group: "events.k8s.io", Version: "v1", Kind: "Event"}
	ours := func(o *unstructured.Unstructured) bool {
		version, _, _ := unstructured.NestedString(o.Object, "regarding", "apiVersion")
		about := strings.HasPrefix(version, itwinv1alpha1.GroupVersion.Group+"/")
		return about || slices.Contains(c.homes(), o.GetNamespace())
	}
	if c.allNamespaces {
		return c.writeKind(ctx, "events", gvk, nil, ours)
	}
	// Those of ClusterConnections are in the namespace default.
	namespaces := append(c.homes(), c.namespace, "default")
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		options := []client.ListOption{client.InNamespace(namespace)}
		if err := c.writeKind(ctx, "events-"+namespace, gvk, options, ours); err != nil {
			return err
		}
	}
	return nil
}

// homes are the namespaces of the operator.
func (c *collector) homes() (namespaces []string) {
	for i := range c.installed.Deployments {
		namespaces = append(namespaces, c.installed.Deployments[i].Namespace)
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// writeKind writes the objects of a kind, each page into a file. A refusal is noted.
func (c *collector) writeKind(
	ctx context.Context, name string, gvk schema.GroupVersionKind, options []client.ListOption,
	wanted func(*unstructured.Unstructured) bool,
) error {
	pages, count := 0, 0
	var failed error
	err := c.pages(ctx, gvk, options, func(page []unstructured.Unstructured) error {
		var objects []map[string]any
		for i := range page {
			if wanted == nil || wanted(&page[i]) {
				objects = append(objects, page[i].Object)
			}
		}
		count += len(objects)
		if len(objects) == 0 {
			return nil
		}
		pages++
		failed = c.addObjects(fmt.Sprintf("%s-%03d.yaml", name, pages), objects)
		return failed
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		c.leave(plural(gvk.Kind, name), err)
		return nil
	}
	if _, known := c.counts[gvk.Kind]; !known {
		c.kinds = append(c.kinds, gvk.Kind)
	}
	c.counts[gvk.Kind] += count
	return nil
}

// plural is what could not be read: "Webhooks", or "Events in namespace default" of the files events-default.
func plural(kind, name string) string {
	if _, namespace, found := strings.Cut(name, "-"); found {
		return kind + "s in namespace " + namespace
	}
	return kind + "s"
}

// summary says how many objects of each kind were written.
func (c *collector) summary() string {
	parts := make([]string, 0, len(c.kinds))
	for _, kind := range c.kinds {
		many := "s"
		if c.counts[kind] == 1 {
			many = ""
		}
		parts = append(parts, fmt.Sprintf("%d %s%s", c.counts[kind], kind, many))
	}
	if len(parts) == 0 {
		return "nothing but versions and what check finds"
	}
	return strings.Join(parts, ", ")
}

// pages visits the objects of a kind.
func (c *collector) pages(
	ctx context.Context, gvk schema.GroupVersionKind, options []client.ListOption,
	visit func([]unstructured.Unstructured) error,
) error {
	newList := func() client.ObjectList {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		return list
	}
	return selection.Pages(ctx, c.client, newList, options, func(list client.ObjectList) error {
		return visit(list.(*unstructured.UnstructuredList).Items)
	})
}

// findings are those of the command check.
func (c *collector) findings(ctx context.Context) error {
	findings, err := check.Collect(ctx, c.env, c.allNamespaces, c.operatorNamespace)
	if err != nil {
		c.leave("check", err)
	}
	return c.addValue("check.yaml", findings)
}
