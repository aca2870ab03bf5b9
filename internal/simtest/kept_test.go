package simtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// proxyUpdates lets an update through as change leaves its body, and answers it as answer leaves that. Either may be
// nil.
func (w *simulation) proxyUpdates(change, answer func(body map[string]any)) {
	edit := func(body io.Reader, change func(map[string]any)) []byte {
		fields := map[string]any{}
		w.must(json.NewDecoder(body).Decode(&fields))
		change(fields)
		data, err := json.Marshal(fields)
		w.must(err)
		return data
	}
	w.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
		if r.Method != http.MethodPatch {
			return serve(r)
		}
		if change != nil {
			data := edit(r.Body, change)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		}
		response := serve(r)
		if answer != nil && response.StatusCode == http.StatusOK {
			response.Body = io.NopCloser(bytes.NewReader(edit(response.Body, answer)))
		}
		return response
	}
}

// keepCallbacks lets the platform accept updates of a callback without making them.
func (w *simulation) keepCallbacks() {
	w.proxyUpdates(func(body map[string]any) { delete(body, "callbackUrl") }, nil)
}

// calling returns an edit of the callback to another path on the subject's host.
func calling(path string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = callbackOf(subject) + path }
}

// replace ends all processes of the operator, and starts another one.
func (w *simulation) replace() {
	for _, p := range w.processes {
		p.kill()
	}
	w.start()
	w.run(settleFor)
}

// keptCallbacks are ways to come to a remote webhook whose callback the platform does not change any more.
var keptCallbacks = map[string]func(claimScene){
	"after an edit that only a list showed": func(s claimScene) {
		s.apply(subject)
		before := callbackOf(subject)
		s.proxyUpdates(nil, func(answer map[string]any) { answer["callbackUrl"] = before })
		s.cluster.edit(subject, calling("/second"))
		s.run(2 * time.Minute)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		s.keepCallbacks()
		s.cluster.edit(subject, calling("/third"))
	},
	"after an edit that was accepted without an answer": func(s claimScene) {
		s.apply(subject)
		s.fault(http.MethodPatch, "/webhooks/{id}", "accepted:204", 1)
		s.cluster.edit(subject, calling("/second"))
		s.run(100 * time.Millisecond)
		s.keepCallbacks()
		s.cluster.edit(subject, calling("/third"))
	},
	"after an import that was interrupted": func(s claimScene) {
		id := s.createRemote(callbackOf(subject)+"/old", "iModels.iModelDeleted.v1")
		s.fault(http.MethodPatch, "/webhooks/{id}", "status:503", 2)
		s.keepCallbacks()
		s.cluster.add(newWebhook(subject, importing(id)))
	},
	"after an import whose process died": func(s claimScene) {
		id := s.createRemote(callbackOf(subject)+"/old", "iModels.iModelDeleted.v1")
		s.keepCallbacks()
		s.run(warmUp)
		s.cluster.add(newWebhook(subject, importing(id)))
		for s.cluster.webhook(subject).Annotations[itwinv1alpha1.WebhookIDAnnotation] == "" {
			s.run(time.Millisecond)
		}
		s.replace()
	},
	"after an edit whose process died": func(s claimScene) {
		s.apply(subject)
		s.cluster.edit(subject, calling("/second"))
		for s.count(updates) == 1 {
			s.run(time.Millisecond)
		}
		s.keepCallbacks()
		s.processes[0].kill()
		s.cluster.edit(subject, calling("/third"))
		s.replace()
	},
}

// An answer that shows what the remote webhook had before is no spelling of what was sent, whatever the status says
// that it had.
func TestThePlatformKeepsAnEarlierCallbackItIsNotTakenForASpelling(t *testing.T) {
	for name, keep := range keptCallbacks {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				keep(s)
				s.run(10 * time.Minute)
				s.Expect(s.reason(subject)).NotTo(Equal(itwinv1alpha1.InSyncReason))
				s.platformProxy = nil
				s.run(2 * time.Hour)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

// The status says what the platform has, also where a list showed it first.
func TestAListShowsWhatAnAnswerDidNotTheStatusSaysIt(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.fault(http.MethodPatch, "/webhooks/{id}", "accepted:204", simulator.Forever)
		s.cluster.edit(subject, calling("/second"))
		s.run(2 * time.Minute)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.cluster.webhook(subject).Status.CallbackURL).To(Equal(callbackOf(subject) + "/second"))
	})
}

// An upgrade of the platform adds a query to all callbacks: nothing was changed since the operator's last write, and
// the answer to one correction shows it, too.
func TestThePlatformBeginsToAddAQueryOneUpdateIsEnough(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.run(time.Minute)
		s.must(s.platform.SetVariant("urls-query"))
		s.run(10 * time.Minute)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.count(updates)).To(Equal(2))
		s.must(s.platform.ClearVariant("urls-query"))
		s.run(10 * time.Minute)
		s.Expect(s.violations()).To(BeEmpty())
		writes := s.writes()
		s.restart()
		s.run(10 * time.Minute)
		s.Expect(s.writes()).To(Equal(writes))
	})
}

// An IPv6 address has several spellings.
func TestThePlatformSpellsAnAddressOtherwiseItCountsAsEqual(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
			response := serve(r)
			data, err := io.ReadAll(response.Body)
			s.must(err)
			short := strings.ReplaceAll(string(data), "[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]")
			response.Body = io.NopCloser(strings.NewReader(short))
			return response
		}
		s.apply(subject, func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = "https://[2001:DB8:0:0:0:0:0:1]/itwin" })
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason), s.message(subject))
		s.Expect(s.count(updates)).To(Equal(1))
		writes := s.writes()
		s.restart()
		s.run(10 * time.Minute)
		s.Expect(s.writes()).To(Equal(writes))
	})
}

// The servers of a platform may not agree on a spelling: what counts as equal is not written down each time.
func TestListsSpellTheCallbackInTurnsNothingIsWritten(t *testing.T) {
	for _, variant := range []string{"urls-slash", "urls-query", "urls-normalised"} {
		t.Run(variant, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.must(s.platform.SetVariant(variant))
				s.apply(
					subject,
					func(w *itwinv1alpha1.Webhook) { w.Spec.CallbackURL = "https://MODEL-EVENTS.example.com/%7eitwin" },
				)
				s.run(2 * time.Minute)
				calls, writes := s.count(updates), s.writes()
				for range 5 {
					s.must(s.platform.ClearVariant(variant))
					s.run(time.Minute)
					s.must(s.platform.SetVariant(variant))
					s.run(time.Minute)
				}
				s.Expect(s.writes()).To(Equal(writes))
				s.Expect(s.count(updates)).To(Equal(calls))
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}
