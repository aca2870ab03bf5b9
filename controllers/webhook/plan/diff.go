package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// Difference is the update that makes a remote webhook's callback and event types those of the spec.
func (f *Facts) Difference(remote platform.Webhook) (p platform.Patch) {
	if !f.SameCallback(remote.CallbackURL) {
		p.CallbackURL = f.Webhook.Spec.CallbackURL
	}
	if !SameSet(f.Webhook.Spec.EventTypes, remote.EventTypes) {
		p.EventTypes = f.Webhook.Spec.EventTypes
	}
	return p
}

// InScope reports whether a webhook has the scope of a spec. An Account webhook's scopeId is the account's, which the
// spec does not know.
func InScope(w platform.Webhook, wanted *itwinv1alpha1.Webhook) bool {
	return strings.EqualFold(w.Scope, string(wanted.Spec.Scope)) &&
		(wanted.Spec.Scope == itwinv1alpha1.AccountScope || platform.SameID(w.ScopeID, wanted.Spec.ScopeID))
}

// SameSet reports whether two lists have the same elements, in any order and any number.
func SameSet(a, b []string) bool {
	unique := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(unique(a), unique(b))
}

// sameTime compares a time in a status with one of the platform's, which may come with a fraction of a second or
// without.
func sameTime(reported *metav1.MicroTime, said time.Time) bool {
	now := PlatformTime(said)
	if reported == nil || now == nil {
		// Nothing can be concluded from a time that the platform does not tell, or that was never written down.
		return true
	}
	whole := func(t time.Time) bool { return t.Nanosecond() == 0 }
	if whole(reported.Time) != whole(now.Time) {
		return reported.Truncate(time.Second).Equal(now.Truncate(time.Second))
	}
	return reported.Equal(now)
}

func describeDifference(f Facts, p platform.Patch) (Cause, string) {
	switch {
	case p.Empty():
		return CauseNone, ""
	case f.Pending():
		return CauseSpec, ""
	}
	var found []string
	if p.CallbackURL != "" {
		found = append(found, fmt.Sprintf("callbackUrl was %q", platform.WithoutQueries(f.Remote.CallbackURL)))
	}
	if p.EventTypes != nil {
		found = append(found, fmt.Sprintf("eventTypes were %q", f.Remote.EventTypes))
	}
	return CauseDrift, strings.Join(found, " and ")
}

// CreateFingerprint and UpdateFingerprint identify requests. That of the secret stands for it.
func CreateFingerprint(f Facts) string {
	request := CreateRequest(f.Webhook)
	request.CallbackURL = canonicalURL(request.CallbackURL)
	return fingerprint("create", request, f.Secret.Fingerprint)
}

// UpdateFingerprint identifies the update of a plan. The fingerprint of the secret stands for it.
func UpdateFingerprint(f Facts, p Plan) string {
	patch := p.Patch
	patch.CallbackURL = canonicalURL(patch.CallbackURL)
	return fingerprint("update", patch, f.Secret.Fingerprint)
}

func fingerprint(operation string, body any, secret string) string {
	data, err := json.Marshal([]any{operation, body, secret})
	if err != nil {
		panic(err) // plain structs of strings always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// CreateRequest is the create that a spec asks for, without its secret and mark.
func CreateRequest(w *itwinv1alpha1.Webhook) platform.CreateRequest {
	return platform.CreateRequest{
		CallbackURL: w.Spec.CallbackURL, Scope: string(w.Spec.Scope), ScopeID: w.Spec.ScopeID,
		EventTypes: w.Spec.EventTypes,
	}
}

// PlatformTime is a time of the platform's as a status keeps it: to the microsecond.
func PlatformTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewMicroTime(t.Truncate(time.Microsecond))
	return &m
}
