package simulator_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// sampleReceiver is a program like the receivers that Bentley publishes as samples: it turns its webhook on when it
// starts, and accepts the events whose signature it can verify.
type sampleReceiver struct {
	webhookID, secret string
	accepted          []string // event types
}

// start asks for a token with the older scopes, as the samples do, and activates the webhook.
func (r *sampleReceiver) start(g *WithT, c *client) {
	c.token = c.tokenFor("webhooks:read webhooks:modify")
	a := c.do(http.MethodPatch, "/webhooks/"+r.webhookID, `{"active":true}`)
	g.Expect(a.status).To(Equal(http.StatusOK))
}

// ServeHTTP takes the algorithm from the Signature header and compares without regard to case, as the samples do.
func (r *sampleReceiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	algorithm, want, _ := strings.Cut(request.Header.Get("Signature"), "=")
	newHash := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New}[algorithm]
	if newHash == nil || len(body) == 0 || !strings.HasPrefix(request.Header.Get("Content-Type"), "application/json") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	mac := hmac.New(newHash, []byte(r.secret))
	mac.Write(body)
	if !strings.EqualFold(hex.EncodeToString(mac.Sum(nil)), want) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event struct {
		Content struct {
			IModelID string `json:"imodelId"`
		} `json:"content"`
		EventType, ITwinID, MessageID, WebhookID string
	}
	if err := json.Unmarshal(body, &event); err != nil || event.ITwinID == "" || event.WebhookID != r.webhookID {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.accepted = append(r.accepted, event.EventType)
	_, _ = io.WriteString(w, "OK")
}

func TestSampleReceiver(t *testing.T) {
	g := NewWithT(t)
	receiver := &sampleReceiver{}
	callback := newPlainReceiver(t, receiver)
	platform, c := newSimulator(t, simulator.Options{HTTPCallbacks: true, DeliveryConcurrency: 1})
	created := c.createFrom(`{"callbackUrl":"` + callback + `/events","scope":"Account","eventTypes":["iModels.iModelDeleted.v1"]}`).json(t)
	receiver.webhookID, receiver.secret = created["id"].(string), created["secret"].(string)

	receiver.start(g, c)
	publish(t, platform, deletedEvent())
	publish(t, platform, deletedEvent())

	g.Expect(receiver.accepted).To(Equal([]string{"iModels.iModelDeleted.v1", "iModels.iModelDeleted.v1"}))
	for _, a := range platform.Deliveries() {
		g.Expect(a.Outcome).To(Equal(simulator.Delivered), a.Error)
	}

	receiver.secret = "not-the-secret-that-the-platform-has"
	publish(t, platform, deletedEvent())
	g.Expect(platform.Deliveries()[2].Status).To(Equal(http.StatusUnauthorized))
	g.Expect(platform.Deliveries()[2].Outcome).To(Equal(simulator.Failed))
}
