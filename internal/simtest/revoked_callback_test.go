package simtest

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// A connection stops allowing the host that a webhook delivers to. Its tenant evades that by naming an allowed host in
// a spec that never reaches the platform: what counts is where the platform delivers.
func TestAnEditThatIsNeverSentKeepsOnNoForbiddenCallback(t *testing.T) {
	allowed := callbackOf("allowed")
	for name, evade := range map[string]func(s claimScene){
		"suspended": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.CallbackURL, o.Spec.Suspend = allowed, true })
		},
		"deleted with Retain": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.CallbackURL, o.Spec.Suspend = allowed, true })
			s.cluster.edit(subject, retaining)
			s.run(settleFor)
			s.editConnection(crashConnection, allowOnly)
			deleteSubject(s.simulation)
		},
		"without its Secret": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) {
				o.Spec.CallbackURL, o.Spec.SecretRef = allowed, &itwinv1alpha1.SecretKeyReference{Name: "no-such-secret"}
			})
		},
		"refused": func(s claimScene) {
			s.fault(http.MethodPatch, "/webhooks/{id}", "status:422", 1)
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.CallbackURL = allowed })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				evade(s)
				s.run(settleFor)
				s.editConnection(crashConnection, allowOnly)
				s.run(2 * settleFor)
				for _, w := range s.remotes() {
					s.Expect(w.Active && w.CallbackURL == callbackOf(subject)).To(BeFalse(), "it delivers to %s", w.CallbackURL)
				}
			})
		})
	}
}

func allowOnly(c *itwinv1alpha1.ConnectionSpec) {
	c.AllowedCallbackHosts = []string{"allowed.example.com"}
}
