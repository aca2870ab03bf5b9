package harness

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
)

const secret = "0123456789abcdef0123456789abcdef"

func sign(body, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestVerify(t *testing.T) {
	const body = `{"eventType":"iTwins.iTwinCreated.v1"}`
	for name, test := range map[string]struct {
		body, signature, secret string
		want                    bool
	}{
		"right":              {body, sign(body, secret), secret, true},
		"upper case":         {body, "sha256=" + strings.ToUpper(sign(body, secret)[7:]), secret, true},
		"another body":       {body + " ", sign(body, secret), secret, false},
		"another secret":     {body, sign(body, "x"+secret), secret, false},
		"no signature":       {body, "", secret, false},
		"no algorithm":       {body, sign(body, secret)[7:], secret, false},
		"no hexadecimals":    {body, "sha256=xyz", secret, false},
		"no secret is known": {body, sign(body, ""), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Verify([]byte(test.body), test.signature, test.secret); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

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
		request.Header.Set("Signature", sign(body, key))
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
