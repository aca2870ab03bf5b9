package plan

import (
	"time"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/platform"
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

// UntouchedImport reports whether the remote webhook was imported and has not been written to since: which secret it
// has is not known.
func (f *Facts) UntouchedImport() bool {
	return f.Described() && f.sentNoSecret()
}

// sentNoSecret reports whether neither the status nor this process tells of a secret that the platform was sent.
func (f *Facts) sentNoSecret() bool {
	s := f.Webhook.Status
	return s.SecretFingerprint == "" && f.Secret.Sent == "" && (s.SecretName == "" || f.Secret.Unsent)
}

// keepsUnknownSecret reports whether the remote webhook is an import that has the secret of before, and neither the
// spec nor a request asks for another: receivers verify with one that the operator does not know.
func (f *Facts) keepsUnknownSecret() bool {
	switch {
	case !f.imported() || !f.sentNoSecret() || f.Secret.Rotate || f.RotationRequested():
		return false
	case !f.Webhook.GeneratesSecret():
		// A version before sent the value of secretRef with the first edit alone, and an upgrade sends nothing.
		return f.Described() && !f.Pending() && f.Secret.Problem == nil
	case f.ID() == "" || f.Described():
		return true
	}
	// There is no status to tell: a process that died may have sent the Secret that it stored.
	return f.Secret.Missing || f.Secret.Awaited
}

// imported reports whether the object took its remote webhook over by its id, or asks to.
func (f *Facts) imported() bool {
	if f.ID() == "" {
		return f.Identity.Requested != ""
	}
	// The status tells it of one that an annotation alone named, once it was in sync.
	return platform.SameID(f.Webhook.Spec.WebhookID, f.ID()) || f.unreportedImport() ||
		f.Described() && appliedGeneration(&f.Webhook.Status) != 0
}

// unreportedImport reports whether an annotation without proof alone tells that the remote webhook was imported: the
// status does not speak of it yet.
func (f *Facts) unreportedImport() bool {
	return f.ID() != "" && !f.Described() && !f.Identity.Proven &&
		platform.SameID(f.Webhook.Annotations[itwinv1alpha1.WebhookIDAnnotation], f.ID())
}

// ReplacesUnknownSecret reports whether an update that carries the secret replaces one of an import that receivers
// verify with: the platform has answered none before it. An earlier one may have been lost, with its answer or the
// process that sent it.
func (f *Facts) ReplacesUnknownSecret() bool {
	s := f.Webhook.Status
	return f.imported() && s.SecretFingerprint == "" && s.SecretVersion == ""
}

const unknownSecret = "; its signing secret is unknown, because it was imported: receivers verify with the one that " +
	"they have, until a change of the remote webhook, a rotation or a secretRef replaces it"

// sayingSecretUnknown says, too, that the remote webhook keeps a secret that the operator does not know.
func (p Plan) sayingSecretUnknown() Plan {
	if p.Outcome.Ready {
		p.Outcome.Message += unknownSecret
	}
	return p
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
