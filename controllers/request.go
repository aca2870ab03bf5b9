package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// difference is the update that makes a remote webhook's callback and event types those of the spec.
func (f *facts) difference(remote platform.Webhook) (p platform.Patch) {
	if !f.sameCallback(remote.CallbackURL) {
		p.CallbackURL = f.webhook.Spec.CallbackURL
	}
	if !sameSet(f.webhook.Spec.EventTypes, remote.EventTypes) {
		p.EventTypes = f.webhook.Spec.EventTypes
	}
	return p
}

// inScope reports whether a webhook has the scope of a spec. An Account webhook's scopeId is the account's, which the
// spec does not know.
func inScope(w platform.Webhook, wanted *v1alpha1.Webhook) bool {
	return strings.EqualFold(w.Scope, string(wanted.Spec.Scope)) &&
		(wanted.Spec.Scope == v1alpha1.AccountScope || platform.SameID(w.ScopeID, wanted.Spec.ScopeID))
}

func sameSet(a, b []string) bool {
	unique := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(unique(a), unique(b))
}

// sameTime compares a time in a status with one of the platform's, which may come with a fraction of a second or
// without.
func sameTime(reported *metav1.MicroTime, said time.Time) bool {
	now := platformTime(said)
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

func describeDifference(f facts, p platform.Patch) (cause, string) {
	switch {
	case p.Empty():
		return causeNone, ""
	case f.pending():
		return causeSpec, ""
	}
	var found []string
	if p.CallbackURL != "" {
		found = append(found, fmt.Sprintf("callbackUrl was %q", platform.WithoutQueries(f.remote.CallbackURL)))
	}
	if p.EventTypes != nil {
		found = append(found, fmt.Sprintf("eventTypes were %q", f.remote.EventTypes))
	}
	return causeDrift, strings.Join(found, " and ")
}

// fingerprintCreate and fingerprintUpdate identify requests. That of the secret stands for it.
func fingerprintCreate(f facts) string {
	request := createRequest(f.webhook)
	request.CallbackURL = canonicalURL(request.CallbackURL)
	return fingerprint("create", request, f.secret.fingerprint)
}

func fingerprintUpdate(f facts, p plan) string {
	patch := p.patch
	patch.CallbackURL = canonicalURL(patch.CallbackURL)
	return fingerprint("update", patch, f.secret.fingerprint)
}

func fingerprint(operation string, body any, secret string) string {
	data, err := json.Marshal([]any{operation, body, secret})
	if err != nil {
		panic(err) // plain structs of strings always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// createRequest is the create that a spec asks for, without its secret and mark.
func createRequest(w *v1alpha1.Webhook) platform.CreateRequest {
	return platform.CreateRequest{
		CallbackURL: w.Spec.CallbackURL, Scope: string(w.Spec.Scope), ScopeID: w.Spec.ScopeID,
		EventTypes: w.Spec.EventTypes,
	}
}
