package controllers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers"
)

// hangingPlatform answers as a simulation's does, but for the requests that hang until the operator gives them up.
type hangingPlatform struct {
	url string
	// hanging counts the requests that hang, and givenUp those that did.
	hanging, givenUp atomic.Int32
}

func newHangingPlatform(w *simulation, hangs func(*http.Request) bool) *hangingPlatform {
	p := &hangingPlatform{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !hangs(r) {
			w.ServeHTTP(rw, r)
			return
		}
		p.hanging.Add(1)
		// The body has to be read for the server to notice that the client is gone.
		_ = r.ParseForm()
		_, _ = r.Body.Read(make([]byte, 1<<16))
		<-r.Context().Done()
		p.givenUp.Add(1)
		p.hanging.Add(-1)
	}))
	p.url = server.URL
	DeferCleanup(func() {
		server.CloseClientConnections()
		go server.Close()
	})
	return p
}

// addConnections makes connections to a hanging platform, of one account each or all of the same.
func (w *simulation) addConnections(p *hangingPlatform, n int, change func(int, *itwinv1alpha1.ConnectionSpec)) {
	GinkgoHelper()
	for i := range n {
		spec := w.connectionSpec()
		spec.APIURL, spec.TokenURL = p.url, p.url+"/connect/token"
		change(i, &spec)
		Expect(api.Create(context.Background(), &itwinv1alpha1.Connection{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: fmt.Sprintf("hangs-%d", i)}, Spec: spec,
		})).To(Succeed())
	}
}

var _ = Describe("A tenant whose platform does not answer", func() {
	var hostile, sound *simulation

	BeforeEach(func() {
		hostile, sound = newSimulation(), newSimulation()
	})

	It("does not occupy all workers of the Webhook controller", func() {
		const accounts, workers = 40, 64
		p := newHangingPlatform(hostile, func(r *http.Request) bool {
			return r.Method == http.MethodPost && r.URL.Path == "/webhooks"
		})
		startOperator(func(o *controllers.Options) { o.Workers, o.GracePeriod = workers, 0 })
		sound.connect()
		seen(sound.apply("before")).Should(beReady())
		for i := range accounts {
			hostile.credentials(fmt.Sprint("credentials-", i), fmt.Sprint("account-", i))
		}
		hostile.addConnections(p, accounts, func(i int, spec *itwinv1alpha1.ConnectionSpec) {
			spec.CredentialsSecretRef.Name = fmt.Sprint("credentials-", i)
		})
		for i := range 3 * accounts {
			hostile.apply(fmt.Sprint("hangs-", i), func(s *itwinv1alpha1.WebhookSpec) {
				s.ConnectionRef.Name = fmt.Sprint("hangs-", i%accounts)
			})
		}
		Eventually(p.hanging.Load).Should(BeNumerically(">=", workers/2))
		before := p.givenUp.Load()
		seen(sound.apply("after")).Should(beReady())
		Expect(p.givenUp.Load()-before).To(BeNumerically("<", 10), "it was Ready before most of them ended")
		Expect(p.hanging.Load()).To(BeNumerically("<=", workers*3/4))
	})

	It("does not occupy all workers of the Connection controller", func() {
		const connections = 300
		p := newHangingPlatform(hostile, func(r *http.Request) bool { return r.URL.Path == "/connect/token" })
		startOperator()
		hostile.credentials("credentials", clientID)
		hostile.addConnections(p, connections, func(int, *itwinv1alpha1.ConnectionSpec) {})
		Eventually(p.hanging.Load).Should(BeNumerically(">=", 64))
		before := p.givenUp.Load()
		sound.connect()
		seen(sound.apply("one")).Should(beReady())
		Expect(p.givenUp.Load()-before).To(BeNumerically("<", 64), "it was Ready before they ended")
		Expect(p.hanging.Load()).To(BeNumerically("<=", 128))
	})
})
