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

// found are the Webhooks to ask.
type found struct {
	targets []target
	// unknown are those whose signing secret the operator does not know and replaces, with the name of the new Secret.
	unknown map[target]string
}

func (f *found) add(w *itwinv1alpha1.Webhook, k *kind) {
	key := client.ObjectKeyFromObject(w)
	f.targets = append(f.targets, key)
	if k.writes && w.SecretUnknown() {
		f.unknown[key] = w.SigningSecret().Name
	}
}

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
func (o *options) find(ctx context.Context, e *env.Env, c client.Client, k *kind, names []string) (*found, error) {
	f := &found{unknown: map[target]string{}}
	var refused []error
	left := 0
	err := o.Each(ctx, e, c, names, func(page []*itwinv1alpha1.Webhook) error {
		for _, w := range page {
			reason, needless := k.refuses(w), k.needless(w)
			switch {
			case reason == nil && needless == "":
				f.add(w, k)
			case o.all && needless == "":
				left++
			case o.all:
			case reason != nil:
				refused = append(refused, reason)
			default:
				refused = append(refused, o.told(e, k, w, needless))
			}
		}
		return nil
	})
	if left > 0 {
		fmt.Fprintf(e.ErrOut, "Left out: %s (suspended, being deleted, or with a Secret of your own).\n",
			counted(left))
	}
	return f, problem.Join(append(refused, err)...)
}

// told says that there is nothing to ask for. That is an error unless the Webhook is as the request would make it.
func (o *options) told(e *env.Env, k *kind, w *itwinv1alpha1.Webhook, needless string) error {
	if _, good := k.outcome(w); !good {
		return problem.Newf("Webhook %q %s", w.Name, needless)
	}
	fmt.Fprintf(e.Out, "%s %s\n", nameOf(w.Name), needless)
	return nil
}

// confirm asks about what was not named one by one, and about signing secrets that would be replaced.
func (o *options) confirm(e *env.Env, k *kind, f *found) error {
	if len(f.targets) == 0 || o.dryRun {
		return nil
	}
	question, do := f.question(k, o.all), "repeat with --yes"
	if len(f.unknown) > 0 {
		do = keepTheirs + ", or repeat with --yes"
	}
	switch {
	case !o.all && len(f.unknown) == 0:
		return nil
	case o.yes:
		f.warnOfSecrets(e, k)
		return nil
	case !e.Interactive():
		return problem.New("to "+question+" needs a confirmation, and there is no terminal to ask on", do)
	}
	f.warnOfSecrets(e, k)
	fmt.Fprintf(e.ErrOut, "%s? [y/N] ", strings.ToUpper(question[:1])+question[1:])
	answer, err := bufio.NewReader(e.In).ReadString('\n')
	if err != nil || !slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
		return problem.Newf("nothing was requested")
	}
	return nil
}

// question is what is asked, without its first capital and its question mark.
func (f *found) question(k *kind, all bool) string {
	namespaces := map[string]bool{}
	for _, t := range f.targets {
		namespaces[t.Namespace] = true
	}
	text := fmt.Sprintf("%s %s in %d namespaces", k.verb, counted(len(f.targets)), len(namespaces))
	switch {
	case !all && len(f.targets) == 1:
		text = fmt.Sprintf("%s Webhook %q", k.verb, f.targets[0].Name)
	case len(namespaces) == 1:
		text = fmt.Sprintf("%s %s in namespace %q", k.verb, counted(len(f.targets)), f.targets[0].Namespace)
	}
	switch n := len(f.unknown); {
	case n == 1 && len(f.targets) == 1:
		text += ", and replace its signing secret, which is unknown because it was imported"
	case n > 0:
		text += fmt.Sprintf(
			", and replace the signing secrets of %d of them, which are unknown because they were imported", n)
	}
	return text
}

// counted is a number of Webhooks: "1 Webhook" or "2 Webhooks".
func counted(n int) string {
	if n == 1 {
		return "1 Webhook"
	}
	return fmt.Sprintf("%d Webhooks", n)
}

// nameOf is a Webhook as kubectl prints it.
func nameOf(name string) string { return "webhook." + itwinv1alpha1.GroupVersion.Group + "/" + name }
