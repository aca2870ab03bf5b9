package request

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/internal/cli/selection"
)

// look is how often a status is read.
const look = 500 * time.Millisecond

// lastLook is how long the calls of a look may take beyond the timeout.
const lastLook = 5 * time.Second

// quiet is after how many looks a Webhook that is ready is said to be waited for: most answer at once.
const quiet = 6

// few is how many Webhooks tell each what they wait for; more are counted.
const few = 10

// waiter waits until the operator has handled a request.
type waiter struct {
	options *options
	env     *env.Env
	client  client.Client
	kind    *kind
	found   *found
	value   string

	// looks counts how often all were looked at.
	looks int
	// told is what each Webhook was last said to wait for.
	told map[target]string
}

// wait waits for all, tells the outcome of each as it comes, and returns an error for each that is not as asked for.
func (w *waiter) wait(ctx context.Context, pending []target) error {
	w.told = map[target]string{}
	// A call near the end of the time is not cut short, and one that hangs does not hold the command.
	ctx, cancel := context.WithTimeoutCause(ctx, w.options.timeout+lastLook, errTimeout)
	defer cancel()
	over := time.NewTimer(w.options.timeout)
	defer over.Stop()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	total := len(pending)
	var failed []error
	for {
		left, err := w.once(ctx, pending)
		w.looks++
		failed = append(failed, err)
		if len(left) == 0 {
			return problem.Join(failed...)
		}
		if total > few && len(left) < len(pending) {
			fmt.Fprintf(w.env.ErrOut, "%d of %d done\n", total-len(left), total)
		}
		pending = left
		select {
		case <-over.C:
			return problem.Join(append(failed, w.ended(errTimeout, pending))...)
		case <-ctx.Done():
			return problem.Join(append(failed, w.ended(context.Cause(ctx), pending))...)
		case <-ticker.C:
		}
	}
}

var errTimeout = errors.New("timeout")

// once looks at each, and returns those that are still to be waited for.
func (w *waiter) once(ctx context.Context, pending []target) (left []target, err error) {
	var failed []error
	seen := map[target]bool{}
	visit := func(webhook *itwinv1alpha1.Webhook) {
		key := client.ObjectKeyFromObject(webhook)
		done, err := w.classify(ctx, webhook)
		seen[key] = true
		failed = append(failed, err)
		if !done {
			left = append(left, key)
		}
	}
	err = w.read(ctx, pending, visit)
	if ctx.Err() != nil {
		return slices.DeleteFunc(slices.Clone(pending), func(t target) bool {
			return seen[t] && !slices.Contains(left, t)
		}), problem.Join(failed...)
	}
	if err != nil {
		return nil, problem.Join(append(failed, err)...)
	}
	for _, t := range pending {
		if !seen[t] {
			failed = append(failed, problem.Newf("Webhook %q was deleted meanwhile", t.Name))
		}
	}
	return left, problem.Join(failed...)
}

// read visits the pending Webhooks that exist: few one by one, many by the list that they were found in.
func (w *waiter) read(ctx context.Context, pending []target, visit func(*itwinv1alpha1.Webhook)) error {
	if len(pending) > few {
		wanted := map[target]bool{}
		for _, t := range pending {
			wanted[t] = true
		}
		flags := w.options.Flags
		if !w.options.all {
			flags = selection.Flags{}
		}
		return flags.Each(ctx, w.env, w.client, nil, func(page []*itwinv1alpha1.Webhook) error {
			for _, webhook := range page {
				if wanted[client.ObjectKeyFromObject(webhook)] {
					visit(webhook)
				}
			}
			return nil
		})
	}
	for _, t := range pending {
		webhook := &itwinv1alpha1.Webhook{}
		switch err := w.client.Get(ctx, t, webhook); {
		case apierrors.IsNotFound(err):
		case err != nil:
			return err
		default:
			visit(webhook)
		}
	}
	return nil
}

// classify reports whether a request was handled, and tells what came of it, or what it waits for.
func (w *waiter) classify(ctx context.Context, webhook *itwinv1alpha1.Webhook) (done bool, err error) {
	handled := w.kind.handled(webhook)
	// Another request may have taken the place of this one.
	if handled == w.value || handled != "" && handled == webhook.Annotations[w.kind.annotation] {
		text, good := w.kind.outcome(webhook)
		if !good {
			return true, problem.Newf("Webhook %q is %s", webhook.Name, text)
		}
		fmt.Fprintf(w.env.Out, "%s %s%s\n", nameOf(webhook.Name), text, w.more(ctx, webhook))
		return true, nil
	}
	if reason := w.kind.refuses(webhook); reason != nil {
		return true, reason
	}
	key, text := client.ObjectKeyFromObject(webhook), readyText(webhook)
	if meta.IsStatusConditionTrue(webhook.Status.Conditions, itwinv1alpha1.ReadyCondition) {
		if text = "the operator has not answered yet"; w.looks < quiet {
			return false, nil
		}
	}
	if last, known := w.told[key]; last != text && (known || len(w.told) < few) {
		w.told[key] = text
		fmt.Fprintf(w.env.ErrOut, "Waiting for Webhook %q: %s\n", webhook.Name, output.Clean(text))
	}
	return false, nil
}

// more is what else to say of a good outcome.
func (w *waiter) more(ctx context.Context, webhook *itwinv1alpha1.Webhook) string {
	if text := w.found.replaced(client.ObjectKeyFromObject(webhook)); text != "" {
		return text
	}
	if w.kind.after == nil {
		return ""
	}
	return w.kind.after(ctx, w.client, webhook)
}

// ended is the end of a wait with something left.
func (w *waiter) ended(cause error, left []target) error {
	what := fmt.Sprintf("Webhook %q has", left[0].Name)
	if len(left) > 1 {
		what = fmt.Sprintf("%d Webhooks have", len(left))
	}
	do := fmt.Sprintf("the request stays; see `kubectl itwin status -n %[1]s`; "+
		"if the operator does not answer at all, `kubectl itwin check -n %[1]s` says why", left[0].Namespace)
	if !errors.Is(cause, errTimeout) {
		return problem.New(fmt.Sprintf("interrupted while %s not answered the request to %s", what, w.kind.verb), do)
	}
	waitsFor := ""
	if told := w.told[left[0]]; told != "" && len(left) == 1 {
		waitsFor = " (" + told + ")"
	}
	return problem.New(
		fmt.Sprintf("%s not answered the request to %s within %s%s", what, w.kind.verb, w.options.timeout, waitsFor), do)
}
