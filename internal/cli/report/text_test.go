package report

import (
	"testing"

	. "github.com/onsi/gomega"
)

const (
	hexadecimal = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	base64      = "dGhpcyBpcyBhIHNlY3JldCB0aGF0IGlzIGxvbmc+Lw=="
	base64url   = "Zk3-q81Xv_T0d-9sJYb2-LmNcE5r-W7uHoPa4KgQx6i"
	token       = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
)

var platform = &redactor{platforms: map[string]bool{"api.bentley.com": true}, key: []byte("key")}

func TestWhatLooksLikeASecretIsLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		"the value " + hexadecimal + " is refused":               "the value REDACTED is refused",
		"the value " + base64:                                    "the value REDACTED",
		"key-" + base64:                                          "key-REDACTED",
		"got base64url " + base64url + ".":                       "got base64url REDACTED.",
		"x_" + base64url[:20] + "-" + base64url:                  "REDACTED",
		"got " + token + ".":                                     "got REDACTED",
		"revision " + hexadecimal:                                "REDACTED",
		"Authorization: Bearer abcdefgh12345":                    "Authorization: REDACTED",
		"sent bearer abcdefgh12345":                              "sent bearer REDACTED",
		`{"clientSecret": "short"}`:                              `{"clientSecret": "REDACTED"}`,
		"client_secret=short&scope=itwin-platform":               "client_secret=REDACTED&scope=itwin-platform",
		"--token=short --leader-elect":                           "--token=REDACTED --leader-elect",
		"clientSecret: short":                                    "clientSecret: REDACTED",
		"Signature: sha256=abc":                                  "Signature: REDACTED",
		"POST https://user:short@hooks.example.com/: 403":        "POST https://REDACTED@hooks.example.com/: 403",
		"GET https://api.bentley.com/webhooks?code=short failed": "GET https://api.bentley.com/webhooks?REDACTED failed",
		"from 'https://hooks.example.com/' to x":                 "from 'https://hooks.example.com/' to x",
		"https://hooks.example.com/services/T0'short":            "https://hooks.example.com/REDACTED-dee11014",
		"https://hooks.example.com/services/T0/short":            "https://hooks.example.com/REDACTED-55657856",
	} {
		NewWithT(t).Expect(platform.text(text)).To(Equal(want))
	}
}

func TestWhatAnIssueNeedsIsKept(t *testing.T) {
	for _, text := range []string{
		"The platform does not accept the credentials; correct the Secret: invalid_client",
		`Waiting: Secret "model-events-hmac" does not exist`,
		"remote webhook e6989b43-53ab-45e2-a610-560c6f7e879e in account api.bentley.com/0123456789abcdef",
		"itwin-webhook-operator-controller-manager-7d4b9c6f5-abcde_5c9d64cf-d22f-4149-ad08-c24ff395c3a0",
		"registry.example.com/itwin-webhook-operator@sha256:" + hexadecimal,
		"GET https://api.bentley.com/webhooks/e6989b43-53ab-45e2-a610-560c6f7e879e: 503",
		"deployments.apps is forbidden: User \"guest\" cannot list resource \"deployments\" in API group \"apps\"",
		`itwin_api_request_duration_seconds_bucket{connection="digital-twin/default",operation="list",le="0.005"} 12`,
		"itwin-webhook-operator-controller-manager-7d4b9c6f5-abcde", "E6989B43-53AB-45E2-A610-560C6F7E879E-0123456789",
		"kubectl-itwin 0.2.0 (revision 16728c817fa567c4a8c0b277c6b7455cec8218a4, go1.26.0 linux/amd64)",
		`itwin_build_info{go_version="go1.26.0",revision="16728c817fa567c4a8c0b277c6b7455cec8218a4",version="0.2.0"} 1`,
		"iModels.iModelDeleted.v1", "2026-11-27T09:13:46.123456Z",
	} {
		NewWithT(t).Expect(platform.text(text)).To(Equal(text))
	}
}

func TestEqualCallbacksCanBeTold(t *testing.T) {
	g := NewWithT(t)
	one, same := platform.url("https://hooks.example.com/itwin?key=a"), platform.url("https://hooks.example.com/itwin?key=a")
	other := platform.url("https://hooks.example.com/itwin?key=b")
	g.Expect(one).To(Equal(same))
	g.Expect(one).NotTo(Equal(other))
	g.Expect(one).To(HavePrefix("https://hooks.example.com/REDACTED-"))
	g.Expect(platform.url("https://hooks.example.com")).To(Equal("https://hooks.example.com/"))
	g.Expect(platform.url("https://a b")).To(Equal("REDACTED"))
}

func TestDigestsAreOfOneReport(t *testing.T) {
	g := NewWithT(t)
	const callback = "https://hooks.example.com/itwin?key=a"
	one, other := newRedactor(nil), newRedactor(nil)
	g.Expect(one.url(callback)).To(Equal(one.url(callback)))
	g.Expect(one.url(callback)).NotTo(Equal(other.url(callback)))
}

func TestAnObjectKeepsItsShape(t *testing.T) {
	g := NewWithT(t)
	o := map[string]any{
		"metadata": map[string]any{
			"name": "model-events", "managedFields": []any{}, "annotations": map[string]any{
				"kubectl.kubernetes.io/last-applied-configuration": "short", "team": "short",
				"itwin.webhook-operator.io/webhook-id": "e6989b43-53ab-45e2-a610-560c6f7e879e",
				"itwin.webhook-operator.io/owner":      "short",
			},
		},
		"spec": map[string]any{
			"callbackUrl": "https://hooks.example.com/a?b=short",
			"containers": []any{map[string]any{"env": []any{
				map[string]any{"name": "HTTPS_PROXY", "value": "short"},
				map[string]any{"name": "KEY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "a", "key": "b"}}},
			}}},
		},
		"status": map[string]any{"secretFingerprint": "short", "active": true, "deactivations": int64(2)},
		"data":   map[string]any{"key": "short"},
	}
	platform.object(o)
	g.Expect(o).To(Equal(map[string]any{
		"metadata": map[string]any{
			"name": "model-events", "annotations": map[string]any{
				"team": redacted, "itwin.webhook-operator.io/owner": redacted,
				"itwin.webhook-operator.io/webhook-id": "e6989b43-53ab-45e2-a610-560c6f7e879e",
			},
		},
		"spec": map[string]any{
			"callbackUrl": platform.url("https://hooks.example.com/a?b=short"),
			"containers": []any{map[string]any{"env": []any{
				map[string]any{"name": "HTTPS_PROXY", "value": redacted},
				map[string]any{"name": "KEY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "a", "key": "b"}}},
			}}},
		},
		"status": map[string]any{"secretFingerprint": redacted, "active": true, "deactivations": int64(2)},
		"data":   redacted,
	}))
}
