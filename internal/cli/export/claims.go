package export

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/selection"
	"webhook-operator.io/itwin/internal/platform"
)

// anyID finds the ids in an annotation, of which only the operator can tell what it proves.
var anyID = regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`)

// claims are the remote webhooks that Webhooks have, had, create, or ask to import. What they say of them is not
// verified: a webhook that is left out by mistake does less harm than one that two Webhooks want.
type claims struct {
	// ids in lower case, and the UIDs of Webhooks, whose creates carry them.
	ids, uids map[string]bool
}

// include adds what a Webhook claims.
func (c *claims) include(w *itwinv1alpha1.Webhook) {
	c.uids[strings.ToLower(string(w.UID))] = true
	c.add(w.Spec.WebhookID, w.Status.WebhookID, w.Annotations[itwinv1alpha1.WebhookIDAnnotation])
	c.add(anyID.FindAllString(w.Annotations[itwinv1alpha1.FormerAnnotation], -1)...)
	for _, former := range w.Status.Former {
		c.add(former.WebhookID)
	}
}

func (c *claims) add(ids ...string) {
	for _, id := range ids {
		if id != "" {
			c.ids[platform.CanonicalID(id)] = true
		}
	}
}

// has reports whether a Webhook claims a remote webhook.
func (c *claims) has(w platform.Webhook) bool {
	return c.ids[platform.CanonicalID(w.ID)] || w.Mark != "" && c.uids[w.Mark]
}

// readClaims reads the Webhooks of all namespaces; where that is forbidden, those of some, and says so. Without a
// cluster, or without our kinds in it, no Webhook claims anything.
func readClaims(ctx context.Context, e *env.Env, c client.Client, namespaces []string) (*claims, error) {
	found := &claims{ids: map[string]bool{}, uids: map[string]bool{}}
	if c == nil {
		fmt.Fprintln(e.ErrOut, "No cluster is configured, so nothing is known of Webhooks that claim remote webhooks.")
		return found, nil
	}
	include := func(page []*itwinv1alpha1.Webhook) error {
		for _, w := range page {
			found.include(w)
		}
		return nil
	}
	all := selection.Flags{AllNamespaces: true}
	err := all.Each(ctx, e, c, nil, include)
	switch {
	case meta.IsNoMatchError(err):
		fmt.Fprintln(e.ErrOut, "The cluster does not have our kinds, so no Webhook claims a remote webhook.")
		return found, nil
	case !apierrors.IsForbidden(err):
		return found, err
	}
	fmt.Fprintf(e.ErrOut, "You may not list the Webhooks of all namespaces. Those of %s are read: what Webhooks of other "+
		"namespaces claim is exported too, and their import will be refused as AlreadyClaimed.\n",
		strings.Join(namespaces, ", "))
	for _, namespace := range namespaces {
		if err := eachIn(ctx, c, namespace, include); err != nil {
			return found, err
		}
	}
	return found, nil
}

// eachIn visits the Webhooks of a namespace page by page.
func eachIn(
	ctx context.Context, c client.Client, namespace string, visit func([]*itwinv1alpha1.Webhook) error,
) error {
	newList := func() client.ObjectList { return &itwinv1alpha1.WebhookList{} }
	in := []client.ListOption{client.InNamespace(namespace)}
	return selection.Pages(ctx, c, newList, in, func(page client.ObjectList) error {
		return visit(page.(*itwinv1alpha1.WebhookList).Items)
	})
}

// clientOf is a client of the cluster; nil when none is configured.
func clientOf(e *env.Env) (client.Client, error) {
	c, err := e.Client()
	if clientcmd.IsEmptyConfig(err) {
		return nil, nil //nolint:nilnil // a command that has credentials of its own needs no cluster
	}
	return c, err
}
