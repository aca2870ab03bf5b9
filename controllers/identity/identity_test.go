package identity

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/proof"
)

const (
	anID = "e6989b43-53ab-45e2-a610-560c6f7e879e"

	anAccount      = "api.bentley.com/0123456789abcdef"
	anotherAccount = "api.bentley.com/fedcba9876543210"
)

var (
	owned = proof.Remote{Account: anAccount, ID: anID}
	key   = proof.NewKey([]byte("0123456789abcdef0123456789abcdef"))
)

func TestIdentityOf(t *testing.T) {
	const other = "2d340000-0000-4000-8000-000000000000"
	object := proof.Object{Namespace: "digital-twin", Name: "model-events"}
	elsewhere := proof.Object{Namespace: "outsider", Name: "model-events"}
	proven := func(o proof.Object, r proof.Remote) map[string]string {
		return map[string]string{itwinv1alpha1.WebhookIDAnnotation: r.ID, itwinv1alpha1.OwnerAnnotation: key.Owner(o, r)}
	}
	for name, test := range map[string]struct {
		annotations map[string]string
		status      itwinv1alpha1.WebhookStatus
		spec        string
		want        Identity
	}{
		"nothing": {},
		"a status with its account owns": {
			status: itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount}, want: Identity{Owned: owned}},
		"a proof owns": {annotations: proven(object, owned), want: Identity{Owned: owned, Proven: true}},
		"both own": {
			annotations: proven(object, owned), status: itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount},
			want: Identity{Owned: owned, Proven: true}},
		"a status of version 0.1.0 owns": {
			annotations: map[string]string{itwinv1alpha1.WebhookIDAnnotation: anID},
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID}, want: Identity{Owned: proof.Remote{ID: anID}}},
		"an annotation without proof asks": {
			annotations: map[string]string{itwinv1alpha1.WebhookIDAnnotation: anID}, want: Identity{Requested: anID}},
		"an annotation with the proof of another namespace asks": {
			annotations: proven(elsewhere, owned), want: Identity{Requested: anID}},
		"a proof for another id asks": {
			annotations: map[string]string{
				itwinv1alpha1.WebhookIDAnnotation: other, itwinv1alpha1.OwnerAnnotation: key.Owner(object, owned),
			}, want: Identity{Requested: other}},
		"a spec asks":                 {spec: anID, want: Identity{Requested: anID}},
		"an annotation that is no id": {annotations: map[string]string{itwinv1alpha1.WebhookIDAnnotation: "../x"}},
		"a status wins over a replayed proof": {
			annotations: proven(object, proof.Remote{Account: anAccount, ID: other}),
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount}, want: Identity{Owned: owned}},
		"a status wins over a written annotation": {
			annotations: map[string]string{itwinv1alpha1.WebhookIDAnnotation: other},
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount}, want: Identity{Owned: owned}},
		"what was given up is not owned": {
			annotations: map[string]string{itwinv1alpha1.FormerAnnotation: key.Former(object, []proof.Remote{owned})},
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount},
			want:        Identity{Former: []proof.Remote{owned}}},
		"a status in another case owns, proven": {
			annotations: proven(object, owned),
			status:      itwinv1alpha1.WebhookStatus{WebhookID: strings.ToUpper(anID), Account: anAccount},
			want:        Identity{Owned: proof.Remote{Account: anAccount, ID: strings.ToUpper(anID)}, Proven: true}},
		"an annotation whose case was changed proves nothing": {
			annotations: map[string]string{
				itwinv1alpha1.WebhookIDAnnotation: strings.ToUpper(anID), itwinv1alpha1.OwnerAnnotation: key.Owner(object, owned),
			}, want: Identity{Requested: strings.ToUpper(anID)}},
		"a status of version 0.1.0 takes the account from a proof": {
			annotations: proven(object, owned),
			status:      itwinv1alpha1.WebhookStatus{WebhookID: strings.ToUpper(anID)},
			want:        Identity{Owned: proof.Remote{Account: anAccount, ID: strings.ToUpper(anID)}, Proven: true}},
		"a status of version 0.1.0 takes no account from the proof of another id": {
			annotations: proven(object, proof.Remote{Account: anotherAccount, ID: other}),
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID}, want: Identity{Owned: proof.Remote{ID: anID}}},
		"a proof for another account does not prove the status": {
			annotations: proven(object, proof.Remote{Account: anotherAccount, ID: anID}),
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount}, want: Identity{Owned: owned}},
		"an annotation with the proof of another name asks": {
			annotations: proven(proof.Object{Namespace: object.Namespace, Name: "other"}, owned),
			want:        Identity{Requested: anID}},
		"a proof that it was given up is no proof that it is owned": {
			annotations: map[string]string{
				itwinv1alpha1.WebhookIDAnnotation: anID,
				itwinv1alpha1.OwnerAnnotation:     key.Former(object, []proof.Remote{owned}),
			}, want: Identity{Requested: anID}},
		"a proof that it is owned does not list it as former": {
			annotations: map[string]string{itwinv1alpha1.FormerAnnotation: key.Owner(object, owned)}},
		"an annotation without proof stands behind the spec": {
			annotations: map[string]string{itwinv1alpha1.WebhookIDAnnotation: anID}, spec: other,
			want: Identity{Requested: other}},
		"what the status lists as former is former without the annotation": {
			status: itwinv1alpha1.WebhookStatus{Former: []itwinv1alpha1.FormerWebhook{{Account: anAccount, WebhookID: other}}},
			want:   Identity{Former: []proof.Remote{{Account: anAccount, ID: other}}, Unlisted: true}},
		"a status that is no id does not own": {
			status: itwinv1alpha1.WebhookStatus{WebhookID: "../x", Account: anAccount}},
		"what was given up in another account is owned in this": {
			annotations: map[string]string{
				itwinv1alpha1.FormerAnnotation: key.Former(object, []proof.Remote{{Account: anotherAccount, ID: anID}})},
			status: itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount},
			want:   Identity{Owned: owned, Former: []proof.Remote{{Account: anotherAccount, ID: anID}}}},
		"a replayed proof of what was given up asks for nothing": {
			annotations: map[string]string{
				itwinv1alpha1.WebhookIDAnnotation: anID, itwinv1alpha1.OwnerAnnotation: key.Owner(object, owned),
				itwinv1alpha1.FormerAnnotation: key.Former(object, []proof.Remote{owned})},
			want: Identity{Former: []proof.Remote{owned}}},
		"a list of former ones from elsewhere counts for nothing": {
			annotations: map[string]string{itwinv1alpha1.FormerAnnotation: key.Former(elsewhere, []proof.Remote{owned})},
			status:      itwinv1alpha1.WebhookStatus{WebhookID: anID, Account: anAccount}, want: Identity{Owned: owned}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &itwinv1alpha1.Webhook{
				ObjectMeta: metav1.ObjectMeta{Namespace: object.Namespace, Name: object.Name, Annotations: test.annotations},
				Spec:       itwinv1alpha1.WebhookSpec{WebhookID: test.spec}, Status: test.status,
			}
			NewWithT(t).Expect(Of(w, key)).To(Equal(test.want))
		})
	}
}
