package simtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/simulator"
)

// spelled are the variants that spell a callback in a way that RFC 3986 calls another one, and what the status then
// says of callbackOf(subject).
var spelled = map[string]string{
	"urls-slash": callbackOf(subject) + "/", "urls-slash-in-lists": callbackOf(subject) + "/",
	"urls-query": callbackOf(subject) + "?source=itwin",
}

func TestThePlatformSpellsTheCallbackOtherwiseItCountsAsEqual(t *testing.T) {
	for variant, answered := range spelled {
		t.Run(variant, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.must(s.platform.SetVariant(variant))
				s.apply(subject)
				s.run(2 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(updates)).To(Equal(1))
				status := s.cluster.webhook(subject).Status
				s.Expect(status.CallbackURL).To(Equal(answered))
				s.Expect(status.SentCallbackURL).To(Equal(callbackOf(subject)))

				s.cluster.edit(subject, changeSpec)
				s.run(2 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(updates)).To(Equal(2), "an edit of the event types")

				writes := s.writes()
				s.run(10 * time.Minute)
				s.Expect(s.writes()).To(Equal(writes), "at rest")
			})
		})
	}
}

// The spelling of one spec is not that of the next.
func TestTheCallbackIsEditedTheSpellingOfTheOneBeforeDoesNotCount(t *testing.T) {
	for variant := range spelled {
		t.Run(variant, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.must(s.platform.SetVariant(variant))
				s.apply(subject)
				for _, callback := range []string{callbackOf(subject) + "/other", callbackOf(subject)} {
					s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callback })
					s.run(2 * time.Minute)
					s.Expect(s.violations()).To(BeEmpty())
				}
				s.Expect(s.count(updates)).To(Equal(3))
			})
		})
	}
}

func TestAnotherClientChangesACallbackThatIsSpelledOtherwiseItIsCorrected(t *testing.T) {
	for variant := range spelled {
		t.Run(variant, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.must(s.platform.SetVariant(variant))
				s.apply(subject)
				s.run(2 * time.Minute)
				s.ask(http.MethodPatch, "/webhooks/"+s.idOf(subject), map[string]any{"callbackUrl": callbackOf(subject) + "/mine"})
				s.run(2 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(updates)).To(Equal(3), "the first update, the other client's, and the correction")
			})
		})
	}
}

// The answer to an edit of the callback shows the one before: it is no spelling of the new one.
func TestThePlatformKeepsTheCallbackTheEditIsRefused(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		kept := callbackOf(subject)
		s.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
			if r.Method == http.MethodPatch {
				body, err := io.ReadAll(r.Body)
				s.must(err)
				r.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), kept+"/other", kept, 1)))
				r.ContentLength = -1
			}
			return serve(r)
		}
		s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = kept + "/other" })
		s.run(10 * time.Minute)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
		s.Expect(s.cluster.webhook(subject).Status.CallbackURL).To(Equal(kept))
		ready := status.ReadyOf(s.cluster.webhook(subject))
		s.Expect(ready.Message).To(ContainSubstring(kept))
		s.Expect(ready.Message).To(ContainSubstring(kept + "/other"))
	})
}

// A success without a body is answered by the next list.
func TestAnUpdateIsAcceptedWithoutABodyTheNextListTellsTheSpelling(t *testing.T) {
	for variant := range spelled {
		t.Run(variant, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.must(s.platform.SetVariant(variant))
				s.fault(http.MethodPatch, "/webhooks/{id}", "accepted:204", simulator.Forever)
				s.apply(subject)
				s.run(5 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(updates)).To(Equal(1))
			})
		})
	}
}

// What an upgrade of the platform changes is learned from the answer to one correction.
func TestThePlatformBeginsToSpellOtherwiseOneUpdateIsEnough(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.run(time.Minute)
		s.must(s.platform.SetVariant("urls-slash"))
		s.run(10 * time.Minute)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.count(updates)).To(BeNumerically("<=", 2))
	})
}
