package request

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// target is a Webhook that something is asked of.
type target = client.ObjectKey

// check refuses flags that do not go together.
func (o *options) check(all string, names []string) error {
	switch {
	case len(names) > 0 && o.all:
		return problem.New(fmt.Sprintf("names and --%s exclude each other", all), "leave out one of them")
	case len(names) == 0 && !o.all:
		return problem.New("no Webhook is named", fmt.Sprintf("name some, or use --%s", all))
	case o.dryRun && o.wait:
		return problem.New("--dry-run and --wait exclude each other", "leave out one of them")
	}
	return o.Check(names)
}

// find returns the Webhooks to ask. Of those that were named, one that cannot be asked is an error; of all, it is left
// out.
func (o *options) find(ctx context.Context, e *env.Env, c client.Client, k *kind, names []string) ([]target, error) {
	var targets []target
	var refused []error
	left := 0
	err := o.Each(ctx, e, c, names, func(page []*itwinv1alpha1.Webhook) error {
		for _, w := range page {
			reason, needless := k.refuses(w), k.needless(w)
			switch {
			case reason == nil && needless == "":
				targets = append(targets, client.ObjectKeyFromObject(w))
			case o.all && needless == "":
				left++
			case o.all:
			case reason != nil:
				refused = append(refused, reason)
			default:
				fmt.Fprintf(e.Out, "%s %s\n", nameOf(w.Name), needless)
			}
		}
		return nil
	})
	if left > 0 {
		fmt.Fprintf(e.ErrOut, "Left out: %d Webhooks that are suspended, being deleted, or cannot be asked for it.\n", left)
	}
	return targets, problem.Join(append(refused, err)...)
}

// confirm asks about what was not named one by one.
func (o *options) confirm(e *env.Env, k *kind, targets []target) error {
	if o.yes || o.dryRun || !o.all || len(targets) == 0 {
		return nil
	}
	namespaces := map[string]bool{}
	for _, t := range targets {
		namespaces[t.Namespace] = true
	}
	question := fmt.Sprintf("%s %d Webhooks in %d namespaces", k.verb, len(targets), len(namespaces))
	if len(namespaces) == 1 {
		question = fmt.Sprintf("%s %d Webhooks in namespace %q", k.verb, len(targets), targets[0].Namespace)
	}
	if !e.Interactive() {
		return problem.New("to "+question+" needs a confirmation, and there is no terminal to ask on", "repeat with --yes")
	}
	fmt.Fprintf(e.ErrOut, "%s? [y/N] ", strings.ToUpper(question[:1])+question[1:])
	answer, err := bufio.NewReader(e.In).ReadString('\n')
	if err != nil || !slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
		return problem.Newf("nothing was requested")
	}
	return nil
}

// nameOf is a Webhook as kubectl prints it.
func nameOf(name string) string { return "webhook." + itwinv1alpha1.GroupVersion.Group + "/" + name }
