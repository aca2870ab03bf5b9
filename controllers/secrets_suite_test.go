package controllers_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

// listener stands before a platform and writes down what it is asked.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	heard []request
	// interrupt is called before a request is passed on; may be nil.
	interrupt func(request)
}

type request struct {
	method, path string
	body         []byte
	at           time.Time
}

func (w *simulation) listen(interrupt func(request)) *listener {
	l := &listener{interrupt: interrupt}
	l.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			return
		}
		heard := request{in.Method, in.URL.Path, body, time.Now()}
		l.mu.Lock()
		l.heard = append(l.heard, heard)
		l.mu.Unlock()
		if l.interrupt != nil {
			l.interrupt(heard)
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
		w.ServeHTTP(out, in)
	}))
	DeferCleanup(func() {
		l.CloseClientConnections()
		l.Close()
	})
	return l
}

// through makes a connection call the listener.
func (l *listener) through(s *itwinv1alpha1.ConnectionSpec) {
	s.APIURL, s.TokenURL = l.URL, l.URL+"/connect/token"
}

// of are the requests of one method below a path.
func (l *listener) of(method, path string) (found []request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.heard {
		if r.method == method && strings.HasPrefix(r.path, path) {
			found = append(found, r)
		}
	}
	return found
}

func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = nil
}

// bodies of requests, decoded.
func bodies(requests []request) (all []map[string]any) {
	GinkgoHelper()
	for _, r := range requests {
		var body map[string]any
		Expect(json.Unmarshal(r.body, &body)).To(Succeed())
		all = append(all, body)
	}
	return all
}

// value is what a Secret of the simulation holds.
func (w *simulation) value(name, key string) string {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(api.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &secret)).To(Succeed())
	return string(secret.Data[key])
}

// put replaces values of a Secret.
func (w *simulation) put(name string, data map[string]string) {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(api.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &secret)).To(Succeed())
	before := secret.DeepCopy()
	secret.StringData = data
	Expect(api.Patch(ctx, &secret, client.MergeFrom(before))).To(Succeed())
}

func withSecret(name, key string) func(*itwinv1alpha1.WebhookSpec) {
	return func(s *itwinv1alpha1.WebhookSpec) {
		s.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: name, Key: key}
	}
}

const (
	firstSecret  = "the first signing secret, 32 or more letters"
	secondSecret = "the second signing secret, as long as it must be"
)

var _ = Describe("A signing secret", func() {
	var w *simulation
	var op *operator
	var platform *listener

	BeforeEach(func() {
		w = newSimulation()
		op = startOperator()
		platform = w.listen(nil)
		w.connect(platform.through)
	})

	It("that a user manages reaches the platform in one update that carries nothing else", func() {
		w.secret("mine", map[string]string{"hmac": firstSecret})
		webhook := w.apply("own", withSecret("mine", "hmac"))
		seen(webhook).Should(beReady())
		platform.forget()
		w.put("mine", map[string]string{"hmac": secondSecret})
		Eventually(eventsOf(webhook)).Should(ContainElement("SecretRotated"))
		Expect(bodies(platform.of("PATCH", "/webhooks"))).To(Equal([]map[string]any{{"secret": secondSecret}}))
		Expect(w.remote(webhook.Spec.CallbackURL).Secret).To(Equal(secondSecret))
		Consistently(func() []request { return platform.of("PATCH", "/webhooks") }).Should(HaveLen(1))
	})

	It("that several Webhooks share is sent once for each Webhook", func() {
		w.secret("shared", map[string]string{"secret": firstSecret})
		var webhooks []*itwinv1alpha1.Webhook
		for _, name := range []string{"north", "south", "west"} {
			webhooks = append(webhooks, w.apply(name, withSecret("shared", "secret")))
		}
		for _, webhook := range webhooks {
			seen(webhook).Should(beReady())
		}
		platform.forget()
		w.put("shared", map[string]string{"secret": secondSecret})
		for _, webhook := range webhooks {
			Eventually(func() string { return w.remote(webhook.Spec.CallbackURL).Secret }).Should(Equal(secondSecret))
			Eventually(eventsOf(webhook)).Should(ContainElement("SecretRotated"))
		}
		Expect(platform.of("PATCH", "/webhooks")).To(HaveLen(3))
	})

	It("that the operator generates is stored before it is sent to the platform", func() {
		stored := make(chan string, 1)
		platform.interrupt = func(r request) {
			if r.method == http.MethodPost && r.path == "/webhooks" {
				stored <- w.value("own-webhook-secret", "secret")
			}
		}
		webhook := w.apply("own")
		seen(webhook).Should(beReady())
		Expect(w.remote(webhook.Spec.CallbackURL).Secret).To(And(MatchRegexp("^[0-9a-f]{64}$"), Equal(<-stored)))
	})

	It("that the operator generated is generated again when it was deleted", func() {
		webhook := w.apply("own")
		seen(webhook).Should(beReady())
		old := w.value("own-webhook-secret", "secret")
		platform.forget()
		secret := &corev1.Secret{ObjectMeta: objectMeta(w.namespace, "own-webhook-secret")}
		Expect(api.Delete(ctx, secret)).To(Succeed())
		Eventually(func() string { return w.remote(webhook.Spec.CallbackURL).Secret }).ShouldNot(Equal(old))
		Eventually(eventsOf(webhook)).Should(ContainElement("SecretRotated"))
		made := w.value("own-webhook-secret", "secret")
		Expect(bodies(platform.of("PATCH", "/webhooks"))).To(Equal([]map[string]any{{"secret": made}}))
	})

	It("is rotated once for each request, and its previous value is kept", func() {
		webhook := w.apply("own")
		seen(webhook).Should(beReady())
		for _, request := range []string{"monday", "tuesday"} {
			before := w.value("own-webhook-secret", "secret")
			platform.forget()
			op.writes.reset()
			annotate(webhook, itwinv1alpha1.RotateRequestedAtAnnotation, request)
			seen(webhook).Should(HaveField("Status.LastHandledRotateAt", request))
			after := w.value("own-webhook-secret", "secret")
			Expect(after).NotTo(Equal(before))
			Expect(w.value("own-webhook-secret", "previous")).To(Equal(before))
			Consistently(func() int { return op.writes.of("PATCH secrets") }).Should(Equal(1))
			Expect(bodies(platform.of("PATCH", "/webhooks"))).To(Equal([]map[string]any{{"secret": after}}))
		}
	})

	It("is not generated over an existing Secret of the same name", func() {
		w.secret("own-webhook-secret", map[string]string{"secret": firstSecret})
		webhook := w.apply("own")
		seen(webhook).Should(haveReady("False/SecretInvalid"))
		Expect(readyMessage(webhook)).To(And(ContainSubstring("spec.secretRef"), ContainSubstring("delete it")))
		Expect(w.Webhooks()).To(BeEmpty())
		Expect(w.value("own-webhook-secret", "secret")).To(Equal(firstSecret))

		Expect(api.Delete(ctx, &corev1.Secret{ObjectMeta: objectMeta(w.namespace, "own-webhook-secret")})).To(Succeed())
		seen(webhook).Should(beReady())
		Expect(w.remote(webhook.Spec.CallbackURL).Secret).NotTo(Equal(firstSecret))
	})

	It("that is deleted by its user leaves the remote webhook unchanged", func() {
		mine := w.secret("mine", map[string]string{"secret": firstSecret})
		webhook := w.apply("own", withSecret("mine", "secret"))
		seen(webhook).Should(beReady())
		platform.forget()
		Expect(api.Delete(ctx, mine)).To(Succeed())
		seen(webhook).Should(haveReady("False/SecretNotFound"))
		Expect(platform.of("PATCH", "/webhooks")).To(BeEmpty())
		Expect(w.remote(webhook.Spec.CallbackURL).Active).To(BeTrue())
		err := api.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "own-webhook-secret"}, &corev1.Secret{})
		Expect(err).To(Satisfy(apierrors.IsNotFound), "nothing is generated over a Secret that a user manages")
		w.secret("mine", map[string]string{"secret": secondSecret})
		seen(webhook).Should(beReady())
		Expect(w.remote(webhook.Spec.CallbackURL).Secret).To(Equal(secondSecret))
	})
})

var _ = Describe("Credentials", func() {
	It("that change within the same account cost one token and keep the snapshot", func() {
		w := newSimulation()
		startOperator()
		platform := w.listen(nil)
		connection := w.connect(platform.through)
		webhook := w.apply("own")
		seen(webhook).Should(beReady())
		platform.forget()
		const late = 8 * time.Second
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Method: http.MethodGet, Path: "/webhooks"}, Action: "delay-response:" + late.String(),
		})).To(Succeed())
		w.put("credentials", map[string]string{"clientSecret": "the new one"})
		Eventually(func() []request { return platform.of("GET", "/webhooks") }).Should(HaveLen(1))
		change(webhook, func(w *itwinv1alpha1.Webhook) { w.Spec.EventTypes = []string{"iTwins.iTwinCreated.v1"} })
		Eventually(func() []request { return platform.of("PATCH", "/webhooks") }).WithTimeout(late*3/4).Should(HaveLen(1),
			"what is known is still true: nothing waits for a list")
		seen(webhook).Should(beReady())
		seenConnection(connection).Should(haveConditions(map[string]string{"Ready": "True/Connected"}))
		logins := platform.of("POST", "/connect/token")
		Expect(logins).To(HaveLen(1))
		Expect(string(logins[0].body)).To(ContainSubstring("client_secret=the+new+one"))
		Expect(platform.of("POST", "/webhooks")).To(BeEmpty())
		Expect(platform.of("GET", "/webhooks/")).To(BeEmpty())
	})

	It("that are refused are retried with backoff, and at once when they change", func() {
		w := newSimulation()
		startOperator()
		Expect(w.AddFault(simulator.Fault{
			Match: simulator.Match{Path: "/connect/token"}, Times: simulator.Forever, Action: "status:401",
		})).To(Succeed())
		platform := w.listen(nil)
		connection := w.connect(platform.through)
		logins := func() []request { return platform.of("POST", "/connect/token") }
		Eventually(logins).Should(HaveLen(4))
		tries := logins()
		for i := 2; i < len(tries); i++ {
			pause, before := tries[i].at.Sub(tries[i-1].at), tries[i-1].at.Sub(tries[i-2].at)
			Expect(pause).To(BeNumerically(">", before*3/2), "pause %d", i)
		}
		Expect(platform.of("GET", "/webhooks")).To(BeEmpty())
		w.ClearFaults()
		changed := time.Now()
		w.put("credentials", map[string]string{"clientSecret": "the right one"})
		seenConnection(connection).Should(haveReady("True/Connected"))
		tries = logins()
		Expect(tries).To(HaveLen(5))
		Expect(tries[4].at.Sub(changed)).To(BeNumerically("<", 6*time.Second), "the next try would have been due in 8 s")
	})
})
