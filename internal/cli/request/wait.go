package request

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// look is how often the statuses of few are read, and longestLook how seldom those of many, or after errors.
const (
	look        = 500 * time.Millisecond
	longestLook = 5 * time.Second
)

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
	total, inRow := len(pending), 0
	var failed []error
	for {
		left, errs, unread := w.once(ctx, pending)
		w.looks++
		failed = append(failed, errs...)
		switch {
		case len(left) == 0:
			return problem.Join(failed...)
		case unread == nil:
			inRow = 0
		case permanent(unread):
			return problem.Join(append(failed, w.unreadable(unread, left))...)
		case ctx.Err() == nil:
			if inRow++; inRow == 1 {
				fmt.Fprintf(w.env.ErrOut, "Trying again: %s\n", problem.Explain(unread))
			}
		}
		if total > few && len(left) < len(pending) {
			fmt.Fprintf(w.env.ErrOut, "%d of %d done\n", total-len(left), total)
		}
		pending = left
		select {
		case <-over.C:
			return problem.Join(append(failed, w.ended(errTimeout, unread, pending))...)
		case <-ctx.Done():
			return problem.Join(append(failed, w.ended(context.Cause(ctx), nil, pending))...)
		case <-time.After(pause(w.looks, len(pending), inRow)):
		}
	}
}

// pause is how long to wait before the next look. A look at many lists all that the request was for.
func pause(looks, pending, errorsInRow int) time.Duration {
	doublings := max(errorsInRow-1, 0)
	if pending > few {
		doublings = max(looks-1, doublings)
	}
	return min(look<<min(doublings, 8), longestLook)
}

// permanent reports whether reading again would not help.
func permanent(err error) bool { return apierrors.IsForbidden(err) || meta.IsNoMatchError(err) }

var errTimeout = errors.New("timeout")

// once looks at each, and returns those that are still to be waited for, and what is wrong with others. unread is why
// not all could be read.
func (w *waiter) once(ctx context.Context, pending []target) (left []target, failed []error, unread error) {
	seen, done := map[target]bool{}, map[target]bool{}
	unread = w.read(ctx, pending, func(webhook *itwinv1alpha1.Webhook) {
		key := client.ObjectKeyFromObject(webhook)
		if seen[key] {
			return
		}
		var err error
		if done[key], err = w.classify(ctx, webhook); err != nil {
			failed = append(failed, err)
		}
		seen[key] = true
	})
	for _, t := range pending {
		switch {
		case done[t]:
		case unread == nil && !seen[t]:
			failed = append(failed, problem.Newf("Webhook %q was deleted meanwhile", t.Name))
		default:
			left = append(left, t)
		}
	}
	return left, failed, unread
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

// unreadable is the end of a wait for what may not be read.
func (w *waiter) unreadable(unread error, left []target) error {
	known := problem.Explain(unread)
	return &problem.Error{
		What: fmt.Sprintf("cannot wait for the request to %s: %s", w.kind.verb, known.What),
		Do:   strings.TrimPrefix(known.Do+"; "+stays(left), "; "), Cause: unread,
	}
}

// stays says that a request is not taken back by the end of the command.
func stays(left []target) string {
	return fmt.Sprintf("the request stays; see `kubectl itwin status -n %[1]s`; "+
		"if the operator does not answer at all, `kubectl itwin check -n %[1]s` says why", left[0].Namespace)
}

// ended is the end of a wait with something left. unread is why it could not be read at last; nil if it could.
func (w *waiter) ended(cause, unread error, left []target) error {
	what := fmt.Sprintf("Webhook %q has", left[0].Name)
	if len(left) > 1 {
		what = fmt.Sprintf("%d Webhooks have", len(left))
	}
	if !errors.Is(cause, errTimeout) {
		return problem.New(fmt.Sprintf("interrupted while %s not answered the request to %s", what, w.kind.verb), stays(left))
	}
	waitsFor := ""
	if told := w.told[left[0]]; told != "" && len(left) == 1 {
		waitsFor = " (" + told + ")"
	}
	if unread != nil {
		waitsFor = fmt.Sprintf(" (the last look failed: %s)", problem.Explain(unread).What)
	}
	return problem.New(fmt.Sprintf("%s not answered the request to %s within %s%s", what, w.kind.verb, w.options.timeout,
		waitsFor), stays(left))
}
