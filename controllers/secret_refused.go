package controllers

import (
	"encoding/base64"
	"strings"
	"time"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

// secretRefusal is what the API server said when it refused to write a generated Secret.
type secretRefusal struct {
	words string
	// until is when the write is tried again; a spec of another generation is tried at once.
	until      time.Time
	generation int64
}

// secretFailed makes of a Secret that cannot be read a problem of the Secret: what needs no secret goes on, such as
// turning off what no connection allows any more.
func (r *WebhookReconciler) secretFailed(f *facts, err error) error {
	words, told := r.kubernetesWords(f, err)
	if !told {
		return err
	}
	f.secret.problem = &status.Problem{Reason: v1alpha1.KubernetesRefusedReason, Message: status.KubernetesMessage(words)}
	f.secret.retry = status.Jittered(status.KubernetesPause)
	return nil
}

// holdSecret leaves a generated Secret alone that the API server refused to write a short while ago. One that is there
// is used as it is.
func (f *facts) holdSecret() {
	s := &f.secret
	wait := s.refused.until.Sub(f.now)
	if wait <= 0 || s.refused.generation != f.generation || s.problem != nil {
		return
	}
	why := &status.Problem{Reason: v1alpha1.KubernetesRefusedReason, Message: status.KubernetesMessage(s.refused.words)}
	switch {
	case s.missing:
		s.missing, s.problem, s.retry = false, why, wait
	case s.rotate || s.ownership:
		s.rotate, s.ownership, s.held, s.retry = false, false, why, wait
	}
}

// redact leaves out of a text the values of the Secret, plain and as an object holds them.
func (s *secretFacts) redact(text string) string {
	values := []string{s.value}
	if s.read != nil {
		for _, value := range s.read.Data {
			values = append(values, string(value))
		}
	}
	for _, value := range values {
		if len(value) >= minSecretLength {
			text = strings.ReplaceAll(text, value, "…")
			text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(value)), "…")
		}
	}
	return text
}
