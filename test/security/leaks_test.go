package security

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"webhook-operator.io/itwin/internal/harness"
)

// shortest is the length of the shortest thing that counts as a secret here.
const shortest = 16

// leaksNothing looks for every secret of the installation in everything that others can read.
func (i *installation) leaksNothing(t *testing.T) {
	g := NewWithT(t)
	secrets := i.secrets(t)
	g.Expect(len(secrets)).To(BeNumerically(">", 20), "the scenarios must have left some")
	for output, text := range i.outputs(t) {
		g.Expect(text).NotTo(BeEmpty(), output)
		text += undumped(text)
		for _, secret := range secrets {
			if leaks(text, secret) {
				t.Errorf("%s: the secret %.12s… is in it", output, secret)
			}
		}
	}
}

// secrets are the values of all Secrets, what any platform was told in confidence, and the operator's own token.
func (i *installation) secrets(t *testing.T) (all []string) {
	t.Helper()
	g := NewWithT(t)
	var list corev1.SecretList
	g.Expect(i.plane.Client.List(t.Context(), &list)).To(Succeed())
	for _, secret := range list.Items {
		for key, value := range secret.Data {
			if key != "clientId" && key != "ca.crt" {
				all = append(all, string(value))
			}
		}
	}
	for _, p := range i.platforms {
		all = append(all, p.secrets()...)
	}
	config, err := clientcmd.LoadFromFile(filepath.Join(filepath.Dir(i.plane.Kubeconfig), harness.Namespace+".kubeconfig"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, account := range config.AuthInfos {
		all = append(all, account.Token)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return len(s) < shortest })
}

// outputs are what others can read.
func (i *installation) outputs(t *testing.T) map[string]string {
	t.Helper()
	g := NewWithT(t)
	log, err := os.ReadFile(i.manager.OutputPath())
	g.Expect(err).NotTo(HaveOccurred())
	outputs := map[string]string{"the log": string(log)}
	for _, kind := range []string{"events.events.k8s.io", "webhooks", "connections", "clusterconnections"} {
		text, err := i.plane.Kubectl(t.Context(), "get", kind, "-A", "-o", "json", "--show-managed-fields")
		g.Expect(err).NotTo(HaveOccurred())
		outputs[kind] = text
	}
	if i.metrics != "" {
		outputs["the metrics"] = i.scraped.String()
	}
	return outputs
}

// leaks reports whether a text holds a secret, as it is or encoded.
func leaks(text, secret string) bool {
	for _, form := range []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// dumped is one line of a hex dump, as Go and hexdump -C write it.
var dumped = regexp.MustCompile(`[0-9a-f]{8}  ((?:[0-9a-f]{2} {1,2}){1,16}) *\|`)

// undumped is what hex dumps in a text were made from.
func undumped(text string) string {
	var digits strings.Builder
	for _, line := range dumped.FindAllStringSubmatch(text, -1) {
		digits.WriteString(strings.ReplaceAll(line[1], " ", ""))
	}
	data, err := hex.DecodeString(digits.String())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestLeaksAreFound(t *testing.T) {
	const secret = "a signing secret of some length, for example"
	quoted, err := json.Marshal(hex.Dump([]byte("before " + secret + " after")))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"as it is":    {`{"msg":"` + secret + `"}`, true},
		"base64":      {`{"data":{"secret":"` + base64.StdEncoding.EncodeToString([]byte(secret)) + `"}}`, true},
		"hex dump":    {hex.Dump([]byte("before " + secret + " after")), true},
		"quoted dump": {string(quoted), true},
		"not at all":  {`{"msg":"a signing secret"}`, false},
	} {
		if got := leaks(test.text+undumped(test.text), secret); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// lastLines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
