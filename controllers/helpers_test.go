package controllers_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// look asks for a list now, instead of at the next poll.
func look(webhook *itwinv1alpha1.Webhook, value string) {
	GinkgoHelper()
	annotate(webhook, itwinv1alpha1.ReconcileRequestedAtAnnotation, value)
	seen(webhook).Should(HaveField("Status.LastHandledReconcileAt", value))
}

func haveDeactivations(n int64) OmegaMatcher { return HaveField("Status.Deactivations", n) }

func seenConnection(connection itwinv1alpha1.ConnectionObject) AsyncAssertion {
	GinkgoHelper()
	return Eventually(func(g Gomega) client.Object {
		g.Expect(api.Get(ctx, client.ObjectKeyFromObject(connection), connection)).To(Succeed())
		return connection
	})
}

// notesOf are the notes of the Events with a reason.
func notesOf(object client.Object, reason string) func() []string {
	return func() (notes []string) {
		var list eventsv1.EventList
		Expect(api.List(ctx, &list, client.InNamespace(object.GetNamespace()))).To(Succeed())
		for _, e := range list.Items {
			if e.Regarding.UID == object.GetUID() && e.Reason == reason {
				notes = append(notes, e.Note)
			}
		}
		return notes
	}
}

// token logs in as the account of the simulation's connection, as another client with the same credentials would.
func (w *simulation) token() string {
	GinkgoHelper()
	response, err := http.PostForm(w.url+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {"other"},
		"scope": {"itwin-platform"},
	})
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	Expect(json.NewDecoder(response.Body).Decode(&token)).To(Succeed())
	return token.AccessToken
}

// call calls the platform behind the operator's back, and returns the id in the answer.
func (w *simulation) call(token, method, path, body string) string {
	GinkgoHelper()
	request, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/vnd.bentley.itwin-platform.v2+json")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	Expect(response.StatusCode).To(BeNumerically("<", 300))
	var answer struct {
		ID string `json:"id"`
	}
	_ = json.NewDecoder(response.Body).Decode(&answer)
	return answer.ID
}

// label sets labels of the simulation's namespace.
func (w *simulation) label(labels map[string]string) {
	GinkgoHelper()
	var namespace corev1.Namespace
	Expect(api.Get(ctx, client.ObjectKey{Name: w.namespace}, &namespace)).To(Succeed())
	before := namespace.DeepCopy()
	if namespace.Labels == nil {
		namespace.Labels = map[string]string{}
	}
	maps.Copy(namespace.Labels, labels)
	Expect(api.Patch(ctx, &namespace, client.MergeFrom(before))).To(Succeed())
}
