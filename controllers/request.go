package controllers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// difference is the update that makes a webhook's callback and event types those of the spec.
func difference(w *v1alpha1.Webhook, remote platform.Webhook) (p platform.Patch) {
	if !sameURL(w.Spec.CallbackURL, remote.CallbackURL) {
		p.CallbackURL = w.Spec.CallbackURL
	}
	if !sameSet(w.Spec.EventTypes, remote.EventTypes) {
		p.EventTypes = w.Spec.EventTypes
	}
	return p
}

// sameURL compares callbacks as HTTP does: an empty path is "/", and hosts have no case. The platform may write one in
// another way than it was given.
func sameURL(a, b string) bool {
	if a == b {
		return true
	}
	parsedA, errA := url.Parse(a)
	parsedB, errB := url.Parse(b)
	if errA != nil || errB != nil {
		return false
	}
	normal := func(u *url.URL) string {
		u.Host, u.Path = strings.ToLower(u.Host), cmp.Or(u.Path, "/")
		return u.String()
	}
	return normal(parsedA) == normal(parsedB)
}

// sameID compares UUIDs, which are the same in either case.
func sameID(a, b string) bool { return strings.EqualFold(a, b) }

func sameSet(a, b []string) bool {
	unique := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(unique(a), unique(b))
}

func describeDifference(f facts, p platform.Patch) (cause, string) {
	switch {
	case p.Empty():
		return causeNone, ""
	case f.specChanged():
		return causeSpec, ""
	}
	var found string
	if p.CallbackURL != "" {
		found = fmt.Sprintf("callbackUrl was %q", f.remote.CallbackURL)
	}
	if p.EventTypes != nil {
		if found != "" {
			found += " and "
		}
		found += fmt.Sprintf("eventTypes were %q", f.remote.EventTypes)
	}
	return causeDrift, found
}

// fingerprintCreate and fingerprintUpdate tell requests apart, without their secret: its version stands for it.
func fingerprintCreate(f facts) string {
	return fingerprint("create", createRequest(f.webhook), f.secret.version)
}

func fingerprintUpdate(f facts, p plan) string {
	version := ""
	if p.sendSecret {
		version = f.secret.version
	}
	return fingerprint("update", p.patch, version)
}

func fingerprint(operation string, body any, secretVersion string) string {
	data, err := json.Marshal([]any{operation, body, secretVersion})
	if err != nil {
		panic(err) // plain structs of strings always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// createRequest is the create that a spec asks for, without its secret.
func createRequest(w *v1alpha1.Webhook) platform.CreateRequest {
	return platform.CreateRequest{
		CallbackURL: w.Spec.CallbackURL, Scope: string(w.Spec.Scope), ScopeID: w.Spec.ScopeID,
		EventTypes: w.Spec.EventTypes,
	}
}

// intent is what an object is about to create, as it is written down.
func intent(w *v1alpha1.Webhook) string {
	data, err := json.Marshal(createRequest(w)) //nolint:gosec // what a spec asks for has no secret in it
	if err != nil {
		panic(err) // a plain struct of strings always marshals
	}
	return string(data)
}

// intended is the create that an object wrote down before it was sent; the one that its spec asks for when it wrote
// none.
func intended(w *v1alpha1.Webhook) platform.CreateRequest {
	var request platform.CreateRequest
	err := json.Unmarshal([]byte(w.Annotations[v1alpha1.CreatingAnnotation]), &request)
	if err != nil || request.CallbackURL == "" {
		return createRequest(w)
	}
	return request
}
