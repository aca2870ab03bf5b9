package simtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/internal/platform"
)

// narrow answers the API's requests as the platform does those whose token lacks a scope.
type narrow struct{ http.RoundTripper }

func (n narrow) RoundTrip(q *http.Request) (*http.Response, error) {
	if strings.HasSuffix(q.URL.Path, "/token") {
		return n.RoundTripper.RoundTrip(q)
	}
	return &http.Response{
		StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/json"}}, Request: q,
		Body: io.NopCloser(strings.NewReader(`{"error":{"code":"InsufficientPermissions","message":"scope"}}`)),
	}, nil
}

// One of two connections to an account asks for an oauthScope that may not list: the other one does not notice.
func TestANarrowScopeOfOneIsNotTheOthersTrouble(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.connect("a-narrow", crashClientID)
		s.credentials("a-narrow", crashClientID, refusable)
		s.processes[0].kill()
		p := s.start()
		p.connections.Dial = func(o platform.Options) (connection.API, error) {
			o.Transport = transport{p}
			if o.Credentials.ClientSecret == refusable {
				o.Transport = narrow{o.Transport}
			}
			return platform.New(o)
		}
		history := len(s.cluster.history)
		s.run(10 * time.Minute)
		writes := 0
		for _, c := range s.cluster.history[history:] {
			if o, is := c.changed.(*itwinv1alpha1.Connection); is && o.Name == crashConnection {
				writes++
				ready := apimeta.FindStatusCondition(o.Status.Conditions, itwinv1alpha1.ReadyCondition)
				s.Expect(ready.Reason).To(Equal(itwinv1alpha1.ConnectedReason), ready.Message)
			}
		}
		s.Expect(writes).To(BeNumerically("<=", 2))
	})
}
