package webhook

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	// kubernetesBudget bounds the requests of one reconcile to the API server. One that hangs, or that is told to come
	// back later, must not hold a worker.
	kubernetesBudget = 20 * time.Second
	// reportBudget bounds the write of the status that follows.
	reportBudget = 10 * time.Second
	// maxRebases is how often in a row a write is repeated at once on a newer version of the object.
	maxRebases = 5
)

// kubernetesWords notes that the API server failed a request about an object, and returns what is to be told of it.
// Values of Secrets, which an admission policy may quote, are left out. An object that is gone is no failure.
func (r *Reconciler) kubernetesWords(f *plan.Facts, read *corev1.Secret, err error) (words string, told bool) {
	if apierrors.IsNotFound(err) {
		return "", false
	}
	since := r.ledger.Of(f.Webhook).KubernetesFailed(f.Now)
	words, told = status.LastingWords(err, r.Clock.Now(), since)
	return platform.Clean(status.Redact(words, secretValues(f, read))), told
}

// unobserved ends a reconcile whose facts could not be gathered.
func (r *Reconciler) unobserved(ctx context.Context, o *observation, err error) (ctrl.Result, error) {
	words, told := r.kubernetesWords(&o.facts, o.secret, err)
	if w := o.facts.Webhook; !told || w.Spec.Suspend && w.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, err // Ready of a suspended object stays as it was
	}
	return newExecutor(r, ctrl.LoggerFrom(ctx), o, plan.Plan{Outcome: status.KubernetesRefused(words)}).finish(ctx)
}

// finish writes the status. If the API server fails that too, an Event, the log and a metric tell of it.
func (e *executor) finish(ctx context.Context) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, reportBudget)
	defer cancel()
	e.tellWait()
	err := e.report(ctx)
	if err == nil {
		if !e.unwritten && e.outcome.Reason != itwinv1alpha1.KubernetesRefusedReason {
			e.entry.KubernetesAnswered()
		}
		next := e.next()
		e.logUnchanged(next)
		return next, nil
	}
	words, told := e.reconciler.kubernetesWords(&e.facts, e.secret, err)
	if !told {
		return settle(ctx, err)
	}
	metrics.RefusedStatusWrites.Inc(e.object().Namespace)
	if e.entry.TellOnce(words) {
		e.warn(itwinv1alpha1.KubernetesRefusedReason, "Report",
			"The Kubernetes API server refused to write the status: %s", words)
	}
	return ctrl.Result{RequeueAfter: status.Jittered(status.KubernetesPause)}, nil
}

// classifyKubernetes turns an error of the API server into an outcome; ok is false when it may pass by itself. What a
// Secret could not be written for is decided again without that write.
func (e *executor) classifyKubernetes(s plan.Step, err error) (v status.Outcome, ok bool) {
	words, told := e.reconciler.kubernetesWords(&e.facts, e.secret, err)
	if !told {
		return status.Outcome{}, false
	}
	e.unwritten = true
	if s == plan.StoreSecret || s == plan.WriteSecretMetadata {
		e.entry.SecretRefused(plan.SecretRefusal{
			Words: words, Generation: e.facts.Generation, Until: e.now().Add(status.Jittered(status.KubernetesPause)),
		})
		return status.RequeueAfter(status.Again, "the Secret cannot be written; deciding without it"), true
	}
	return status.KubernetesRefused(words), true
}

// rebased repeats a write that met another version of the object, on the version that is there now, if that differs in
// nothing that was decided on: a client that rewrites labels or annotations of its own all the time holds nothing up.
func (e *executor) rebased(ctx context.Context, write func() error) error {
	for range maxRebases {
		read := e.object().DeepCopy()
		err := write()
		if !apierrors.IsConflict(err) {
			return err
		}
		live := &itwinv1alpha1.Webhook{}
		if e.live.Get(ctx, client.ObjectKeyFromObject(read), live) != nil || !e.sameMatter(read, live) ||
			live.ResourceVersion == read.ResourceVersion {
			return err
		}
		e.facts.Webhook = live
	}
	return write()
}

// sameMatter reports whether two versions of an object are the same in all that is decided on.
func (e *executor) sameMatter(a, b *itwinv1alpha1.Webhook) bool {
	return a.UID == b.UID && a.Generation == b.Generation && a.DeletionTimestamp.Equal(b.DeletionTimestamp) &&
		slices.Equal(a.Finalizers, b.Finalizers) && maps.Equal(ownAnnotations(a), ownAnnotations(b)) &&
		e.reconciler.Serves(b) && equality.Semantic.DeepEqual(a.Status, b.Status)
}

// ownAnnotations are the annotations of the operator's group.
func ownAnnotations(w *itwinv1alpha1.Webhook) map[string]string {
	own, prefix := maps.Clone(w.Annotations), itwinv1alpha1.GroupVersion.Group+"/"
	maps.DeleteFunc(own, func(name, _ string) bool { return !strings.HasPrefix(name, prefix) })
	return own
}
