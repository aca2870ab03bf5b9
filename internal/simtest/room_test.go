package simtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// listing lets the platform answer the lists of an account whose apiUrl has a path with so many webhooks.
func (w *simulation) listing(entries map[string]int) {
	w.platformProxy = func(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
		n, huge := entries[r.URL.Path]
		if r.Method != http.MethodGet || !huge {
			return serve(r)
		}
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x"}`, i)
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"webhooks":[` + strings.Join(list, ",") + `]}`)),
		}
	}
}

// connectionReason is the reason of a connection's Ready condition; "" while it has none.
func (w *simulation) connectionReason(name string) string {
	ready := apimeta.FindStatusCondition(w.connection(name).Status.Conditions, itwinv1alpha1.ReadyCondition)
	if ready == nil {
		return ""
	}
	return ready.Reason
}

// What an account may list follows its Webhooks also while its lists are refused because others have the room.
func TestWebhooksAreAddedWhileOthersHaveTheRoomTheListIsTaken(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		const webhooks = 2_600
		entries := map[string]int{"/huge/webhooks": 100_000, "/large/webhooks": 20_000}
		s.listing(entries)
		s.run(settleFor)
		for _, name := range []string{"huge", "large"} {
			s.connect(name, name)
			s.editConnection(name, func(spec *itwinv1alpha1.ConnectionSpec) {
				spec.APIURL, spec.PollInterval = platformURL+"/"+name, metav1.Duration{Duration: 24 * time.Hour}
			})
			s.run(2 * time.Minute)
			s.Expect(s.connectionReason(name)).To(Equal(itwinv1alpha1.ConnectedReason))
		}
		entries["/webhooks"] = 2 * webhooks
		s.run(time.Minute)
		s.Expect(s.connectionReason(crashConnection)).To(Equal(itwinv1alpha1.PlatformUnavailableReason))
		s.processes[0].webhooks.Selector = labels.Nothing() // it is about the connection
		for i := range webhooks {
			s.cluster.add(newWebhook(fmt.Sprint("w-", i)))
		}
		s.run(90 * time.Second)
		s.Expect(s.connectionReason(crashConnection)).To(Equal(itwinv1alpha1.ConnectedReason))
	})
}
