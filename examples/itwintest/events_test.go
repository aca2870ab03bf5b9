package receiver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	receiver "example.com/receiver"
	"webhook-operator.io/itwin/signature"
)

// TestEachDeliveryIsCountedOnce needs no operator: it signs the events itself.
func TestEachDeliveryIsCountedOnce(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	ours := &receiver.Receiver{Secrets: signature.Static(secret)}
	deliver := func(event signature.Event, want int) {
		t.Helper()
		event.EventType = "iModels.iModelDeleted.v1"
		body, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodPost, "/itwin", strings.NewReader(string(body)))
		request.Header.Set(signature.Header, signature.Sign(secret, body))
		answer := httptest.NewRecorder()
		ours.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK || ours.Deleted() != want {
			t.Errorf("%+v is answered with %d, and %d deletions are counted, not %d", event, answer.Code, ours.Deleted(), want)
		}
	}
	content := json.RawMessage(`{}`)
	deliver(signature.Event{MessageID: "d0d5ae2b", WebhookID: "orders", Content: content}, 1)
	deliver(signature.Event{MessageID: "d0d5ae2b", WebhookID: "orders", Content: content}, 1)
	deliver(signature.Event{MessageID: "d0d5ae2b", WebhookID: "audit", Content: content}, 2)
	// What kubectl itwin test sends did not happen.
	deliver(signature.Event{
		MessageID: "9b2c", WebhookID: "orders", ITwinID: "00000000-0000-0000-0000-000000000000",
		Content: json.RawMessage(`{"synthetic":true}`),
	}, 2)
}
