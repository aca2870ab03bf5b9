package connection

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// tell writes the status of a connection, and returns when that is to be tried again; 0 when it succeeded. A status
// that the API server does not take holds up no list: an Event, the log and a metric tell of it.
func (r *Reconciler) tell(
	ctx context.Context, c itwinv1alpha1.ConnectionObject, member *fleet.Member, ready status.Outcome,
) (retry time.Duration) {
	key := kube.KeyOf(c)
	err := r.report(ctx, c, member, ready)
	switch {
	case err == nil:
		if ready.Reason != itwinv1alpha1.KubernetesRefusedReason {
			r.troubles.forget(key)
		}
		return 0
	case apierrors.IsNotFound(err):
		return 0
	}
	words, told := status.LastingWords(err, r.Clock.Now(), r.troubles.since(key, r.Clock.Now()))
	if words = platform.Clean(words); !told {
		ctrl.LoggerFrom(ctx).Info("Failed to write the status of a connection", "error", words)
		return time.Second
	}
	metrics.RefusedConnectionWrites.WithLabelValues(key).Inc()
	if r.troubles.news(key, words) {
		note := status.Shortened("The Kubernetes API server refused to write the status: "+words, status.MaxNote)
		ctrl.LoggerFrom(ctx).Info(note, "reason", itwinv1alpha1.KubernetesRefusedReason)
		r.Recorder.Eventf(c, nil, corev1.EventTypeWarning, itwinv1alpha1.KubernetesRefusedReason, "Report", "%s", note)
	}
	return status.Jittered(status.KubernetesPause)
}

// trouble is what the API server does about a connection.
type trouble struct {
	// since is when it began to fail requests.
	since time.Time
	// told is what an Event said last of a status that could not be written.
	told string
}

// troubles remembers what the API server does about each connection.
type troubles struct {
	mu sync.Mutex
	of map[string]trouble
}

func (t *troubles) change(key string, change func(*trouble)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]trouble{}
	}
	known := t.of[key]
	change(&known)
	t.of[key] = known
}

// since notes that the API server failed a request now, and returns since when it has failed them.
func (t *troubles) since(key string, now time.Time) (since time.Time) {
	t.change(key, func(known *trouble) {
		if known.since.IsZero() {
			known.since = now
		}
		since = known.since
	})
	return since
}

// news reports whether something is to be told that was not told last.
func (t *troubles) news(key, words string) (news bool) {
	t.change(key, func(known *trouble) { news, known.told = known.told != words, words })
	return news
}

func (t *troubles) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, key)
}
