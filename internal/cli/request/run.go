package request

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/kinds"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// run asks, and waits if it should. What can be asked is asked even if some of it cannot.
func (o *options) run(ctx context.Context, e *env.Env, k *kind, all string, names []string) error {
	if err := o.check(all, names); err != nil {
		return err
	}
	if err := kinds.Require(ctx, e, k.field); err != nil {
		return err
	}
	c, err := e.Client()
	if err != nil {
		return err
	}
	f, err := o.find(ctx, e, c, k, names)
	if err != nil && len(f.targets) == 0 {
		return err
	}
	if err := o.confirm(e, k, f); err != nil {
		return err
	}
	if o.all && len(f.targets) == 0 {
		fmt.Fprintf(e.ErrOut, "There is no Webhook to %s.\n", k.verb)
	}
	value := e.Now().UTC().Format(time.RFC3339Nano)
	asked, failed := o.ask(ctx, e, c, k, f.targets, value)
	if !o.wait || len(asked) == 0 {
		return problem.Join(err, failed)
	}
	w := &waiter{options: o, env: e, client: c, kind: k, found: f, value: value}
	return problem.Join(err, failed, w.wait(ctx, asked))
}

// ask sets the annotation on each, and returns those where it succeeded.
func (o *options) ask(
	ctx context.Context, e *env.Env, c client.Client, k *kind, targets []target, value string,
) (asked []target, err error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{k.annotation: value}},
	})
	if err != nil {
		return nil, err
	}
	var options []client.PatchOption
	suffix := ""
	if o.dryRun {
		options, suffix = append(options, client.DryRunAll), " (dry run)"
	}
	var failed []error
	for _, t := range targets {
		w := &itwinv1alpha1.Webhook{}
		w.Namespace, w.Name = t.Namespace, t.Name
		if err := c.Patch(ctx, w, client.RawPatch(types.MergePatchType, patch), options...); err != nil {
			failed = append(failed, err)
			if ctx.Err() != nil {
				break
			}
			continue
		}
		asked = append(asked, t)
		fmt.Fprintf(e.Out, "%s %s%s\n", nameOf(t.Name), k.done, suffix)
	}
	return asked, problem.Join(failed...)
}
