// Package selection is which Webhooks a command is about: by name, by label, of one namespace or of all.
package selection

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// PageSize is the most Webhooks that a command asks for at once, and holds in memory.
const PageSize = 500

// Flags are those that select Webhooks.
type Flags struct {
	AllNamespaces bool
	LabelSelector string
}

// Add adds -A and -l to a command.
func (f *Flags) Add(command *cobra.Command) {
	command.Flags().BoolVarP(&f.AllNamespaces, "all-namespaces", "A", false, "The Webhooks of all namespaces.")
	command.Flags().StringVarP(&f.LabelSelector, "selector", "l", "",
		"The Webhooks with these labels, such as -l team=models or -l 'tier in (a,b)'.")
}

// Check refuses names beside flags that select by something else.
func (f *Flags) Check(names []string) error {
	switch {
	case len(names) > 0 && f.AllNamespaces:
		return problem.New("names and --all-namespaces exclude each other", "name a namespace by -n")
	case len(names) > 0 && f.LabelSelector != "":
		return problem.New("names and --selector exclude each other", "leave out one of them")
	}
	return nil
}

// Each calls visit with the selected Webhooks, page by page. Nothing keeps a page after visit has returned. A name
// that does not exist is an error after all others were visited.
func (f *Flags) Each(
	ctx context.Context, e *env.Env, c client.Client, names []string, visit func([]*itwinv1alpha1.Webhook) error,
) error {
	if err := f.Check(names); err != nil {
		return err
	}
	namespace, err := e.Namespace()
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return eachName(ctx, c, namespace, names, visit)
	}
	selector, err := labels.Parse(f.LabelSelector)
	if err != nil {
		return problem.New(fmt.Sprintf("--selector %q cannot be read", f.LabelSelector), err.Error())
	}
	options := []client.ListOption{client.MatchingLabelsSelector{Selector: selector}}
	if !f.AllNamespaces {
		options = append(options, client.InNamespace(namespace))
	}
	return eachPage(ctx, c, options, visit)
}

func eachName(
	ctx context.Context, c client.Client, namespace string, names []string, visit func([]*itwinv1alpha1.Webhook) error,
) error {
	var missing []error
	for _, name := range names {
		webhook := &itwinv1alpha1.Webhook{}
		err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, webhook)
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, problem.New(
				fmt.Sprintf("there is no Webhook %q in namespace %q", name, namespace), "see \"kubectl itwin status -A\""))
		case err != nil:
			return err
		default:
			if err := visit([]*itwinv1alpha1.Webhook{webhook}); err != nil {
				return err
			}
		}
	}
	return problem.Join(missing...)
}

func eachPage(
	ctx context.Context, c client.Client, options []client.ListOption, visit func([]*itwinv1alpha1.Webhook) error,
) error {
	newList := func() client.ObjectList { return &itwinv1alpha1.WebhookList{} }
	return Pages(ctx, c, newList, options, func(list client.ObjectList) error {
		return visit(list.(*itwinv1alpha1.WebhookList).Items)
	})
}

// Pages calls visit with the pages of a list, each a new one.
func Pages(
	ctx context.Context, c client.Client, newList func() client.ObjectList, options []client.ListOption,
	visit func(client.ObjectList) error,
) error {
	next := ""
	for {
		list := newList()
		err := c.List(ctx, list, append(options, client.Limit(PageSize), client.Continue(next))...)
		if token, ok := expired(err); ok && next != "" && token != next {
			next = token // the rest of the list is newer than the pages before
			continue
		}
		if err != nil {
			return err
		}
		if err := visit(list); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// expired reports whether the API server no longer has the version that a list began with, and returns the token that
// it goes on with from where it was.
func expired(err error) (token string, ok bool) {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return "", false
	}
	token = status.Status().Continue
	return token, token != ""
}
