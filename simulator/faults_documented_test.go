package simulator_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

var (
	// faultRow begins a row of the table of faults with its examples.
	faultRow = regexp.MustCompile("(?m)^\\| ((?:`[a-z-]+(?::[^`]*)?`(?:, )?)+) \\| .* \\| (?:no|yes|yes, later) \\|$")
	// random is what differs between two answers to the same call.
	random = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|"access_token":"[^"]*"|/connect/token`)
)

// TestDocumentedFaultsChangeAnswers: each example of docs/simulator.md is accepted, and changes the answer to a call. A
// delay changes nothing but when the answer comes.
func TestDocumentedFaultsChangeAnswers(t *testing.T) {
	content, err := os.ReadFile("../docs/simulator.md")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	rows := faultRow.FindAllStringSubmatch(string(content), -1)
	NewWithT(t).Expect(len(rows)).To(BeNumerically(">=", 20))
	for _, row := range rows {
		for action := range strings.SplitSeq(strings.ReplaceAll(row[1], "`", ""), ", ") {
			t.Run(action, func(t *testing.T) {
				same := Equal(answers(t, ""))
				if strings.HasPrefix(action, "delay") {
					NewWithT(t).Expect(answers(t, strings.ReplaceAll(action, "3s", "1ms"))).To(same)
					return
				}
				NewWithT(t).Expect(answers(t, action)).NotTo(same)
			})
		}
	}
}

// answers are what a simulator answers to a request for a token, a create and a list, each spoilt by a fault.
func answers(t *testing.T, action string) string {
	t.Helper()
	platform, c := newSimulator(t, simulator.Options{})
	token := c.request(http.MethodPost, "/connect/token",
		"grant_type=client_credentials&client_id=tester&client_secret=x&scope=itwin-platform")
	token.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var all strings.Builder
	for _, r := range []*http.Request{
		token, c.request(http.MethodPost, "/webhooks", createBody("https://hooks.example.com/itwin")),
		c.request(http.MethodGet, "/webhooks", ""),
	} {
		if action != "" {
			NewWithT(t).Expect(platform.AddFault(simulator.Fault{Action: action})).To(Succeed())
		}
		r.Header.Set("Accept-Encoding", "gzip") // the client then leaves what is compressed as it is
		a, err := c.send(r)
		encoding, pause := a.header.Get("Content-Encoding"), a.header.Get("Retry-After")
		_, _ = fmt.Fprintln(&all, a.status, encoding, pause, random.ReplaceAllString(a.body, "…"), err != nil)
	}
	return all.String()
}
