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
)

// respell lets the platform describe every webhook as change leaves its description.
func (w *simulation) respell(change func(webhook map[string]any)) {
	w.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
		response := serve(r)
		if response.StatusCode/100 != 2 || !strings.HasPrefix(r.URL.Path, "/webhooks") {
			return response
		}
		data, err := io.ReadAll(response.Body)
		w.must(err)
		fields := map[string]any{}
		if json.Unmarshal(data, &fields) == nil {
			all, isList := fields["webhooks"].([]any)
			if !isList {
				all = []any{fields}
			}
			for _, webhook := range all {
				change(webhook.(map[string]any))
			}
			data, err = json.Marshal(fields)
			w.must(err)
		}
		response.Body = io.NopCloser(bytes.NewReader(data))
		return response
	}
}

// maxCondition is the API server's bound for the message of a condition, in bytes.
const maxCondition = 32 << 10

// What a platform says does not make a status that the API server refuses for its size.
func TestThePlatformDescribesAWebhookAtLengthTheStatusIsBounded(t *testing.T) {
	long := callbackOf(subject) + "/" + strings.Repeat("long/", 20_000)
	for name, say := range map[string]func(map[string]any){
		"callbackUrl":              func(body map[string]any) { body["callbackUrl"] = long },
		"callbackUrl of elsewhere": func(body map[string]any) { body["callbackUrl"] = "https://elsewhere.example.com/" + long },
		"eventTypes":               func(body map[string]any) { body["eventTypes"] = []string{long} },
		"scopeId":                  func(body map[string]any) { body["scopeId"] = long },
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.respell(say)
				s.apply(subject)
				s.apply("importer", importing(s.remotes()[0].ID))
				s.run(10 * time.Minute)
				for _, change := range s.cluster.history {
					w, is := change.changed.(*itwinv1alpha1.Webhook)
					if !is {
						continue
					}
					s.Expect(len(w.Status.CallbackURL) + len(w.Status.ScopeID)).To(BeNumerically("<", 8<<10))
					for _, c := range w.Status.Conditions {
						s.Expect(len(c.Message)).To(BeNumerically("<=", maxCondition), c.Type)
					}
				}
				s.Expect(s.reason(subject)).NotTo(BeEmpty())
			})
		})
	}
}
