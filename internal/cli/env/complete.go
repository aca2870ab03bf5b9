package env

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// completions is the most names that a completion offers.
const completions = 500

// completionTimeout is how long a completion may take: a person waits for it at the prompt of the shell.
const completionTimeout = 3 * time.Second

// CompleteWebhooks offers the names of the namespace's Webhooks that are not among the arguments yet.
func (e *Env) CompleteWebhooks(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	namespace, err := e.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := e.names(command, itwinv1alpha1.GroupVersion.WithKind("WebhookList"), client.InNamespace(namespace))
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// CompleteWebhook is CompleteWebhooks for a command that takes one name.
func (e *Env) CompleteWebhook(command *cobra.Command, args []string, prefix string) (
	[]string, cobra.ShellCompDirective,
) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return e.CompleteWebhooks(command, args, prefix)
}

// CompleteConnections offers the names of the namespace's Connections.
func (e *Env) CompleteConnections(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	namespace, err := e.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	gvk := itwinv1alpha1.GroupVersion.WithKind("ConnectionList")
	return e.names(command, gvk, client.InNamespace(namespace)), cobra.ShellCompDirectiveNoFileComp
}

// CompleteNamespaces offers the cluster's namespaces.
func (e *Env) CompleteNamespaces(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	gvk := corev1.SchemeGroupVersion.WithKind("NamespaceList")
	return e.names(command, gvk), cobra.ShellCompDirectiveNoFileComp
}

// CompleteContexts offers the contexts of the kubeconfig.
func (e *Env) CompleteContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	config, err := e.Flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(config.Contexts)), cobra.ShellCompDirectiveNoFileComp
}

// names lists the metadata of a kind, for as long as a completion may take. Not all calls of the client take a context.
func (e *Env) names(command *cobra.Command, gvk schema.GroupVersionKind, options ...client.ListOption) []string {
	ctx, cancel := context.WithTimeout(command.Context(), completionTimeout)
	defer cancel()
	found := make(chan []string, 1)
	go func() { found <- e.list(ctx, gvk, options) }()
	select {
	case names := <-found:
		return names
	case <-ctx.Done():
		return nil
	}
}

// list lists the metadata of a kind. What goes wrong offers nothing: a completion has nowhere to say it.
func (e *Env) list(ctx context.Context, gvk schema.GroupVersionKind, options []client.ListOption) (names []string) {
	c, err := e.Client()
	if err != nil {
		return nil
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(gvk)
	if err := c.List(ctx, list, append(options, client.Limit(completions))...); err != nil {
		return nil
	}
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}
