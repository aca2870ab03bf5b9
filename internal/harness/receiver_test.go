package harness

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"webhook-operator.io/itwin/signature"
)

const secret = "0123456789abcdef0123456789abcdef"

func TestReceiver(t *testing.T) {
	var noticed []Delivery
	receiver, err := StartReceiver(func(d Delivery) { noticed = append(noticed, d) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = receiver.Close() }()
	receiver.Trust(func(path string) []string { return map[string][]string{"/itwin": {"the one before", secret}}[path] })
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it signed its certificate itself
	}}
	post := func(id, key string, want int) {
		t.Helper()
		body := `{"messageId":"` + id + `","eventType":"iTwins.iTwinCreated.v1"}`
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, receiver.URL+"/itwin", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(signature.Header, signature.Sign(key, []byte(body)))
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s was answered with %d, not %d", id, response.StatusCode, want)
		}
	}
	post("good", secret, http.StatusOK)
	post("forged", "another", http.StatusUnauthorized)
	receiver.Break()
	post("good too", secret, http.StatusServiceUnavailable)
	receiver.Fix()
	post("good again", secret, http.StatusOK)

	if len(noticed) != 4 || len(receiver.Deliveries()) != 4 {
		t.Errorf("noticed %v, remembered %v", noticed, receiver.Deliveries())
	}
	if _, err := receiver.Await(t.Context(), "forged"); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("a forged event: %v", err)
	}
	if taken, err := receiver.Await(t.Context(), "good again"); err != nil || !taken.Taken() {
		t.Errorf("a good event: %v, %v", taken, err)
	}
}
