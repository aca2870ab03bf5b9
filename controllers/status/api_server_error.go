package status

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// FirstRetry follows the first failed request to the API server; each further one doubles it, up to KubernetesPause.
const FirstRetry = 500 * time.Millisecond

// KubernetesPause is how long what the API server refused is left alone.
const KubernetesPause = 30 * time.Second

// RefusedByKubernetes returns the words in which the API server refused a request: because of a quota, an admission
// policy or webhook, a missing permission, or because an object must not change. What often passes by itself, such as a
// conflict, an object that is gone or a server that is overloaded, is no refusal.
func RefusedByKubernetes(err error) (words string, refused bool) {
	if errors.Is(err, ErrMutated) {
		return ErrMutated.Error(), true
	}
	status, answered := errors.AsType[*apierrors.StatusError](err)
	if !answered {
		return "", false
	}
	words = status.ErrStatus.Message
	switch apierrors.ReasonForError(err) {
	case metav1.StatusReasonForbidden, metav1.StatusReasonInvalid, metav1.StatusReasonBadRequest,
		metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonRequestEntityTooLarge, metav1.StatusReasonUnauthorized:
		return words, true
	case metav1.StatusReasonInternalError, metav1.StatusReasonUnknown:
		// An admission webhook that fails, or denies with a status of its own.
		return words, strings.Contains(words, "webhook") || strings.Contains(words, "admission")
	}
	return "", false
}

// KubernetesMessage tells of a request that the API server refused.
func KubernetesMessage(words string) string {
	return "The Kubernetes API server refused a request that this object needs: " + words
}

// KubernetesRefused says in the API server's words what it refused, and when that is tried again.
func KubernetesRefused(words string) Outcome {
	return Waiting(itwinv1alpha1.KubernetesRefusedReason, KubernetesMessage(words)).After(Jittered(KubernetesPause))
}

// ErrMutated is a write that the API server accepted and did not make, as with an admission policy that takes away what
// it does not know.
var ErrMutated = errors.New("it accepted a change of the metadata, and left it out")

// Jittered makes a pause longer by up to a tenth, so that what was refused together is not tried again together.
func Jittered(pause time.Duration) time.Duration {
	return pause + time.Duration(rand.Float64()*0.1*float64(pause)) //nolint:gosec // not for secrets
}

// kubernetesPatience is for how long requests that the API server fails, without refusing them, are repeated before the
// object tells of it: lost races, time-outs, an API server that is overloaded or away.
const kubernetesPatience = 10 * time.Second

// LastingWords returns what is to be told of a failed request: the words of a refusal at once, those of any other
// failure once requests have failed since began, for longer than passes by itself.
func LastingWords(err error, now, since time.Time) (words string, told bool) {
	if words, told = RefusedByKubernetes(err); told {
		return words, true
	}
	return err.Error(), now.Sub(since) >= kubernetesPatience
}
