package plan

import (
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

// SecretRefusal is what the API server said when it refused to write a generated Secret.
type SecretRefusal struct {
	Words string
	// Until is when the write is tried again; a spec of another generation is tried at once.
	Until      time.Time
	Generation int64
}

// HoldSecret leaves a generated Secret alone that the API server refused to write a short while ago. One that is there
// is used as it is.
func (f *Facts) HoldSecret() {
	s := &f.Secret
	wait := s.Refused.Until.Sub(f.Now)
	if wait <= 0 || s.Refused.Generation != f.Generation || s.Problem != nil {
		return
	}
	why := &status.Problem{
		Reason:  itwinv1alpha1.KubernetesRefusedReason,
		Message: status.KubernetesMessage(s.Refused.Words),
	}
	switch {
	case s.Missing:
		s.Missing, s.Problem, s.Retry = false, why, wait
	case s.Rotate || s.Metadata:
		s.Rotate, s.Metadata, s.Held, s.Retry = false, false, why, wait
	}
}

// SecretUnchanged reports whether the platform has the Secret as the cache shows it: its value need not be read.
func (f *Facts) SecretUnchanged() bool {
	s, secret := f.Webhook.Status, f.Secret
	switch {
	case !f.Described(), f.Pending(), secret.Rotate, secret.Metadata, s.SecretFingerprint == "":
		return false
	case secret.Sent != "" && secret.Sent != s.SecretFingerprint:
		return false
	}
	return s.SecretName == secret.Name && s.SecretVersion == secret.Version
}

// Restored reports whether the object has a remote webhook by its annotations, and the status tells of no secret that
// the platform was ever sent: a backup holds no status. While such an object waits, its status already has the id.
func (f *Facts) Restored() bool {
	s := f.Webhook.Status
	return f.Webhook.Annotations[itwinv1alpha1.WebhookIDAnnotation] != "" && s.SecretName == "" &&
		s.SecretFingerprint == "" &&
		appliedGeneration(&s) == 0
}

// UnknownSecret stands for the secret that the platform has while it is not known which one that is.
const UnknownSecret = "unknown"
