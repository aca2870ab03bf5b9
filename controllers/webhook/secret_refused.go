package webhook

import (
	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// secretFailed makes of a Secret that cannot be read a problem of the Secret: what needs no secret goes on, such as
// turning off what no connection allows any more.
func (r *Reconciler) secretFailed(o *observation, err error) error {
	f := &o.facts
	words, told := r.kubernetesWords(f, o.secret, err)
	if !told {
		return err
	}
	f.Secret.Problem = &status.Problem{
		Reason:  itwinv1alpha1.KubernetesRefusedReason,
		Message: status.KubernetesMessage(words),
	}
	f.Secret.Retry = status.Jittered(status.KubernetesPause)
	return nil
}

// secretValues are the values that no message may have: that of the signing secret, and those of the Secret that it was
// read from.
func secretValues(f *plan.Facts, read *corev1.Secret) []string {
	values := []string{f.Secret.Value}
	if read != nil {
		for _, value := range read.Data {
			values = append(values, string(value))
		}
	}
	return values
}
