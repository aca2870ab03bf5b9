package simtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// answering lets the platform answer each request that matches a route with the next of some answers, in turn.
func (w *simulation) answering(route string, answer func(n int) (status int, body string)) {
	n := 0
	w.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
		if routeOf(r) != route && (route != "" || !strings.HasPrefix(r.URL.Path, "/webhooks")) {
			return serve(r)
		}
		status, body := answer(n)
		n++
		kind := "application/json"
		if strings.HasPrefix(body, "<") {
			kind = "text/html"
		}
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)),
		}
	}
}

func refusalBody(n int) string {
	return fmt.Sprintf(
		`{"error":{"code":"InvalidWebhook%[2]s","message":"Request %[1]d of trace %[1]d is wrong."}}`,
		n,
		"Request",
	)
}

// The words of a proxy or of the platform have the id of a request in them.
var changingWords = map[string]func(int) (int, string){
	"a page, 503": func(n int) (int, string) {
		return 503, fmt.Sprintf("<html><body>Error. Ray ID: %x</body></html>", 7919*n)
	},
	"a page, 403": func(n int) (int, string) {
		return 403, fmt.Sprintf("<html><body>Blocked. Ray ID: %x</body></html>", 7919*n)
	},
	"a text, 502": func(n int) (int, string) { return 502, fmt.Sprintf("upstream %d failed", n) },
	"500":         func(n int) (int, string) { return 500, refusalBody(n) },
	"401":         func(n int) (int, string) { return 401, refusalBody(n) },
	"403":         func(n int) (int, string) { return 403, refusalBody(n) },
	"409":         func(n int) (int, string) { return 409, refusalBody(n) },
	"422":         func(n int) (int, string) { return 422, refusalBody(n) },
}

// One outage is one write, whatever words it is told in.
func TestThePlatformSaysTheSameInOtherWordsNothingIsWritten(t *testing.T) {
	for name, answer := range changingWords {
		for _, route := range []string{"", "GET /webhooks", creates, updates} {
			if status, _ := answer(0); status < 500 && (route == updates || status == 401 && route == creates) {
				continue // what is refused alone
			}
			t.Run(name+" to "+route, func(t *testing.T) {
				t.Parallel()
				inClaimScene(t, func(s claimScene) {
					s.apply(subject)
					s.answering(route, answer)
					s.cluster.edit(subject, changeSpec)
					s.cluster.add(newWebhook(other))
					s.run(10 * time.Minute)
					events := 0
					s.onEvent = func(runtime.Object, string) { events++ }
					writes := s.writes()
					s.run(3 * time.Hour)
					s.Expect(s.writes()-writes).To(BeNumerically("<=", 2), "writes in three hours")
					s.Expect(events).To(BeNumerically("<=", 2))
				})
			})
		}
	}
}

// Refusals of several kinds in turn are tried no more often than those of one kind.
func TestACreateIsRefusedInSeveralWaysInTurnItIsTriedSeldom(t *testing.T) {
	for name, all := range map[string][]int{
		"404 409 422 503": {404, 409, 422, 503}, "409 422": {409, 422}, "422 503": {422, 503}, "403 405": {403, 405},
		"401 422": {401, 422}, "409 500": {409, 500},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				tried, events := 0, 0
				s.answering(creates, func(n int) (int, string) {
					tried++
					return all[n%len(all)], refusalBody(n)
				})
				s.onEvent = func(runtime.Object, string) { events++ }
				s.cluster.add(newWebhook(subject))
				for i := range 6 * 60 {
					s.run(time.Minute)
					if i%10 == 0 {
						s.cluster.edit(subject, func(w *itwinv1alpha1.Webhook) { w.Labels = map[string]string{"n": fmt.Sprint(i)} })
					}
				}
				s.Expect(tried).To(BeNumerically("<=", 80))
				s.Expect(s.writesOf(subject) - 36).To(BeNumerically("<=", 60))
				s.Expect(events).To(BeNumerically("<=", 40))
				s.platformProxy = nil
				s.run(70 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}
