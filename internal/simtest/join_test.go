package simtest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/webhook"
	"webhook-operator.io/itwin/internal/platform"
)

// slowLogin answers requests for a token after some time.
type slowLogin struct {
	transport
	after time.Duration
}

func (l slowLogin) RoundTrip(q *http.Request) (*http.Response, error) {
	if strings.HasSuffix(q.URL.Path, "/token") {
		l.process.simulation.running.sleep(l.after)
	}
	return l.transport.RoundTrip(q)
}

// After a restart one of two connections to an account logs in later than the other one has listed it.
func TestAConnectionJoinsAListedAccountItsWebhooksAreLookedAt(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.connect(otherConnection, crashClientID)
		s.credentials("credentials", crashClientID, "late")
		s.run(time.Minute)
		s.processes[0].kill()
		s.cluster.add(newWebhook(subject))
		p := s.start()
		p.connections.Dial = func(o platform.Options) (connection.API, error) {
			o.Transport = transport{p}
			if o.Credentials.ClientSecret == "late" {
				o.Transport = slowLogin{transport{p}, 5 * time.Second}
			}
			return platform.New(o)
		}
		s.run(webhook.LongestAwait / 2)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		w := s.cluster.webhook(subject)
		s.Expect(w.Status.ObservedGeneration).To(Equal(w.Generation))
	})
}
