package identity

import (
	"slices"
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// Identity is what an object itself says about remote webhooks. Owning is not naming: what merely stands in a spec or
// an annotation is a request.
type Identity struct {
	// Owned is the remote webhook that the object owns, by its status, which only the operator writes, or by a proof in
	// its annotations; zero when there is none. Its account is empty where a status of version 0.1.0 does not tell it.
	Owned proof.Remote
	// Proven is true when the annotations prove it.
	Proven bool
	// Requested is the id of a remote webhook to import; only when none is owned.
	Requested string
	// Former are the remote webhooks that were given up and must still be removed.
	Former []proof.Remote
	// Unlisted is true when the status knows of one that the annotation does not list any more.
	Unlisted bool
}

// Of reads what an object says of remote webhooks, with the key that its proofs were made by.
func Of(w *itwinv1alpha1.Webhook, key proof.Key) Identity {
	object := ObjectOf(w)
	i := Identity{Former: key.Formers(w.Annotations[itwinv1alpha1.FormerAnnotation], object)}
	id := w.Annotations[itwinv1alpha1.WebhookIDAnnotation]
	account, proven := key.Owns(w.Annotations[itwinv1alpha1.OwnerAnnotation], object, id)
	annotated := proof.Remote{Account: account, ID: id}
	for _, given := range w.Status.Former {
		former := proof.Remote{Account: given.Account, ID: given.WebhookID}
		if takenBack := proven && SameRemote(former, annotated); !takenBack && !i.GaveUp(former) {
			i.Former, i.Unlisted = append(i.Former, former), true
		}
	}
	reported := proof.Remote{Account: w.Status.Account, ID: w.Status.WebhookID}
	if proven && reported.Account == "" && platform.SameID(reported.ID, id) {
		reported.Account = account
	}
	switch {
	case platform.ValidID(reported.ID) && !i.GaveUp(reported):
		i.Owned, i.Proven = reported, proven && SameRemote(annotated, reported)
	case proven && platform.ValidID(id) && !i.GaveUp(annotated):
		i.Owned, i.Proven = annotated, true
	case w.Spec.WebhookID != "" || proven:
		i.Requested = w.Spec.WebhookID
	case platform.ValidID(id):
		i.Requested = id
	}
	return i
}

// GaveUp reports whether a remote webhook is one of the former ones.
func (i Identity) GaveUp(r proof.Remote) bool {
	return slices.ContainsFunc(i.Former, func(former proof.Remote) bool { return SameRemote(former, r) })
}

// SameRemote compares two remote webhooks. An account that is not known may be any.
func SameRemote(a, b proof.Remote) bool {
	return platform.SameID(a.ID, b.ID) && (a.Account == b.Account || a.Account == "" || b.Account == "")
}

// ObjectOf names an object in a proof.
func ObjectOf(w *itwinv1alpha1.Webhook) proof.Object {
	return proof.Object{Namespace: w.Namespace, Name: w.Name}
}

// MarkOf is the mark that the creates of an object carry: its UID.
func MarkOf(w *itwinv1alpha1.Webhook) string { return strings.ToLower(string(w.UID)) }

// ClaimKey is how the index of claims names a remote webhook that an object owns or gave up.
func ClaimKey(r proof.Remote) string { return r.Account + "|" + platform.CanonicalID(r.ID) }

// RequestKey is how the index of claims names a remote webhook that an object asks to import.
func RequestKey(id string) string { return "request|" + platform.CanonicalID(id) }

// Mentions reports whether an object may own, or have given up, a remote webhook of an account. What it says is not
// proven.
func Mentions(w *itwinv1alpha1.Webhook, account string) bool {
	return w.Status.Account == account || strings.Contains(w.Annotations[itwinv1alpha1.OwnerAnnotation], account) ||
		strings.Contains(w.Annotations[itwinv1alpha1.FormerAnnotation], account) ||
		slices.ContainsFunc(w.Status.Former, func(r itwinv1alpha1.FormerWebhook) bool { return r.Account == account })
}

// ClaimKeysBy returns ClaimKeys with the operator key.
func ClaimKeysBy(key proof.Key) func(*itwinv1alpha1.Webhook) []string {
	return func(w *itwinv1alpha1.Webhook) []string { return ClaimKeys(w, key) }
}

// ClaimKeys are all entries of an object in the index of claims.
func ClaimKeys(w *itwinv1alpha1.Webhook, key proof.Key) (keys []string) {
	if reported, all := reportsAll(w); all {
		return []string{ClaimKey(reported)}
	}
	i := Of(w, key)
	for _, claim := range i.claims() {
		keys = append(keys, ClaimKey(claim))
	}
	if i.Requested != "" {
		keys = append(keys, RequestKey(i.Requested))
	}
	return keys
}

// Claims are the remote webhooks that an object owns, or gave up, and the id of the one that it asks to import; "" when
// there is none. One that its status of version 0.1.0 names has no account.
func Claims(w *itwinv1alpha1.Webhook, key proof.Key) (claims []proof.Remote, requestedID string) {
	if reported, all := reportsAll(w); all {
		return []proof.Remote{reported}, ""
	}
	i := Of(w, key)
	return i.claims(), i.Requested
}

// reportsAll returns the remote webhook that a status speaks of, if that is all that the object claims: it owns that,
// whatever its annotations prove, which takes longer to find out.
func reportsAll(w *itwinv1alpha1.Webhook) (reported proof.Remote, all bool) {
	reported = Reported(&w.Status)
	return reported, reported.Account != "" && platform.ValidID(reported.ID) && len(w.Status.Former) == 0 &&
		w.Annotations[itwinv1alpha1.FormerAnnotation] == ""
}

func (i Identity) claims() (claims []proof.Remote) {
	if i.Owned.ID != "" {
		claims = append(claims, i.Owned)
	}
	return append(claims, i.Former...)
}

// Reported is the remote webhook that a status speaks of; zero when it speaks of none.
func Reported(s *itwinv1alpha1.WebhookStatus) proof.Remote {
	return proof.Remote{Account: s.Account, ID: s.WebhookID}
}
