package webhook

import (
	"encoding/base64"
	"strings"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/controllers/webhook/plan"
)

// secretFailed makes of a Secret that cannot be read a problem of the Secret: what needs no secret goes on, such as
// turning off what no connection allows any more.
func (r *Reconciler) secretFailed(f *plan.Facts, err error) error {
	words, told := r.kubernetesWords(f, err)
	if !told {
		return err
	}
	f.Secret.Problem = &status.Problem{Reason: v1alpha1.KubernetesRefusedReason, Message: status.KubernetesMessage(words)}
	f.Secret.Retry = status.Jittered(status.KubernetesPause)
	return nil
}

// redact leaves out of a text the values of the Secret, plain and as an object holds them.
func redact(s *plan.SecretFacts, text string) string {
	values := []string{s.Value}
	if s.Read != nil {
		for _, value := range s.Read.Data {
			values = append(values, string(value))
		}
	}
	for _, value := range values {
		if len(value) >= MinSecretLength {
			text = strings.ReplaceAll(text, value, "…")
			text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(value)), "…")
		}
	}
	return text
}
