package controllers

import (
	"slices"
	"strings"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// identity is what an object itself says about remote webhooks. Owning is not naming: what merely stands in a spec or
// an annotation is a request.
type identity struct {
	// owned is the remote webhook that the object owns, by its status, which only the operator writes, or by a proof in
	// its annotations; zero when there is none. Its account is empty where a status of version 0.1.0 does not tell it.
	owned proof.Remote
	// proven is true when the annotations prove it.
	proven bool
	// requested is the id of a remote webhook to import; only when none is owned.
	requested string
	// former are the remote webhooks that were given up and must still be removed.
	former []proof.Remote
	// unlisted is true when the status knows of one that the annotation does not list any more.
	unlisted bool
}

func identityOf(w *v1alpha1.Webhook, key proof.Key) identity {
	object := objectOf(w)
	i := identity{former: key.Formers(w.Annotations[v1alpha1.FormerAnnotation], object)}
	id := w.Annotations[v1alpha1.WebhookIDAnnotation]
	account, proven := key.Owns(w.Annotations[v1alpha1.OwnerAnnotation], object, id)
	annotated := proof.Remote{Account: account, ID: id}
	for _, given := range w.Status.Former {
		former := proof.Remote{Account: given.Account, ID: given.WebhookID}
		if takenBack := proven && sameRemote(former, annotated); !takenBack && !i.gaveUp(former) {
			i.former, i.unlisted = append(i.former, former), true
		}
	}
	reported := proof.Remote{Account: w.Status.Account, ID: w.Status.WebhookID}
	if proven && reported.Account == "" && platform.SameID(reported.ID, id) {
		reported.Account = account
	}
	switch {
	case platform.ValidID(reported.ID) && !i.gaveUp(reported):
		i.owned, i.proven = reported, proven && sameRemote(annotated, reported)
	case proven && platform.ValidID(id) && !i.gaveUp(annotated):
		i.owned, i.proven = annotated, true
	case w.Spec.WebhookID != "" || proven:
		i.requested = w.Spec.WebhookID
	case platform.ValidID(id):
		i.requested = id
	}
	return i
}

func (i identity) gaveUp(r proof.Remote) bool {
	return slices.ContainsFunc(i.former, func(former proof.Remote) bool { return sameRemote(former, r) })
}

// sameRemote compares two remote webhooks. An account that is not known may be any.
func sameRemote(a, b proof.Remote) bool {
	return platform.SameID(a.ID, b.ID) && (a.Account == b.Account || a.Account == "" || b.Account == "")
}

func objectOf(w *v1alpha1.Webhook) proof.Object {
	return proof.Object{Namespace: w.Namespace, Name: w.Name}
}

// markOf is the mark that the creates of an object carry: its UID.
func markOf(w *v1alpha1.Webhook) string { return strings.ToLower(string(w.UID)) }

// claimKey is how the index of claims names a remote webhook that an object owns or gave up.
func claimKey(r proof.Remote) string { return r.Account + "|" + platform.CanonicalID(r.ID) }

// requestKey is how the index of claims names a remote webhook that an object asks to import.
func requestKey(id string) string { return "request|" + platform.CanonicalID(id) }

// mentions reports whether an object may own, or have given up, a remote webhook of an account. What it says is not
// proven.
func mentions(w *v1alpha1.Webhook, account string) bool {
	return w.Status.Account == account || strings.Contains(w.Annotations[v1alpha1.OwnerAnnotation], account) ||
		strings.Contains(w.Annotations[v1alpha1.FormerAnnotation], account) ||
		slices.ContainsFunc(w.Status.Former, func(r v1alpha1.FormerWebhook) bool { return r.Account == account })
}

// claimKeysBy returns claimKeys with the operator key.
func claimKeysBy(key proof.Key) func(*v1alpha1.Webhook) []string {
	return func(w *v1alpha1.Webhook) []string { return claimKeys(w, key) }
}

// claimKeys are all entries of an object in the index of claims.
func claimKeys(w *v1alpha1.Webhook, key proof.Key) (keys []string) {
	i := identityOf(w, key)
	if i.owned.ID != "" {
		keys = append(keys, claimKey(i.owned))
	}
	for _, former := range i.former {
		keys = append(keys, claimKey(former))
	}
	if i.requested != "" {
		keys = append(keys, requestKey(i.requested))
	}
	return keys
}
