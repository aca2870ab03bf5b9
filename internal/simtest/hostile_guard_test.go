package simtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/webhook"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

func (h *hostileRun) violated(format string, args ...any) {
	if v := fmt.Sprintf(format, args...); !slices.Contains(h.found, v) {
		h.found = append(h.found, v)
	}
}

// proxy stands before the platform: it checks passwords, which the simulator does not, and judges each request of the
// operator and what came of it.
func (h *hostileRun) proxy(r *http.Request, serve func(*http.Request) *http.Response) *http.Response {
	body, err := io.ReadAll(r.Body)
	h.must(err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !strings.EqualFold(strings.TrimSuffix(r.URL.Host, ":443"), platformHost) {
		h.violated("%s was sent to %s", r.Method, r.URL.Host)
	}
	if r.URL.Path == "/connect/token" {
		return h.login(r, body, serve)
	}
	h.classify(r, body)
	response := serve(r)
	if r.Method == http.MethodGet {
		return response
	}
	if r.Method == http.MethodPost && response.StatusCode == http.StatusCreated {
		var created struct{ ID, CallbackURL string }
		h.must(json.Unmarshal(peek(response), &created))
		h.makers[created.ID] = h.namespaceOf(platform.MarkOf(created.CallbackURL))
	}
	h.unchanged(r.Method + " " + r.URL.Path)
	return response
}

// peek reads the body of a response and leaves it there.
func peek(r *http.Response) []byte {
	body, _ := io.ReadAll(r.Body) // of a recorder
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

func (h *hostileRun) login(r *http.Request, body []byte, serve func(*http.Request) *http.Response) *http.Response {
	form, err := url.ParseQuery(string(body))
	h.must(err)
	id, password, basic := r.BasicAuth()
	if !basic {
		id, password = form.Get("client_id"), form.Get("client_secret")
	}
	if h.passwords[id] != password {
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Content-Type", "application/json")
		recorder.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(recorder, `{"error":"invalid_client"}`)
		return recorder.Result()
	}
	response := serve(r)
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	h.must(json.Unmarshal(peek(response), &issued))
	h.clients[issued.AccessToken] = id
	return response
}

// mayUse reports whether the Webhooks of a namespace may use a service application.
func (h *hostileRun) mayUse(namespace, clientID string) bool {
	switch clientID {
	case crashClientID:
		return namespace == crashNamespace
	case hostileClientID:
		return namespace == hostileNamespace
	case closedClientID:
		return namespace != hostileNamespace
	}
	return namespace != hostileNamespace || h.selected || h.decidedBefore(h.changed)
}

// decidedBefore reports whether a call that is sent now may have been decided on before a moment: by a process that was
// stopped meanwhile also later than by others.
func (h *hostileRun) decidedBefore(moment time.Time) bool {
	for _, p := range h.processes {
		if p.frozen.After(moment) && time.Since(p.frozen) < webhook.RemoteBudget {
			return true
		}
	}
	return time.Since(moment) < webhook.RemoteBudget
}

// classify looks at a request of the operator.
func (h *hostileRun) classify(r *http.Request, body []byte) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	clientID, known := h.clients[token]
	if !known {
		h.violated("%s with an unknown token", routeOf(r))
		return
	}
	h.members()
	id := strings.TrimPrefix(r.URL.Path, "/webhooks/")
	_, protected := h.protected[id]
	maker := h.makers[id]
	switch r.Method {
	case http.MethodPost:
		var sent struct{ CallbackURL string }
		h.must(json.Unmarshal(body, &sent))
		if maker = h.namespaceOf(platform.MarkOf(sent.CallbackURL)); maker == "" {
			h.violated("a create of no Webhook: %s", sent.CallbackURL)
		}
	case http.MethodGet:
		if protected && !h.adoption && clientID != hostileClientID {
			h.violated("%s was read, which no Webhook of its tenant needs", id)
		}
		return
	case http.MethodDelete:
		return // what a Webhook has made, it may remove; what others have, unchanged checks
	case http.MethodPatch:
		if string(bytes.TrimSpace(body)) == `{"active":false}` {
			return
		}
	}
	if maker == hostileNamespace {
		h.carriesNoSecret(routeOf(r), body)
	}
	if maker != "" && !h.mayUse(maker, clientID) {
		h.violated("%s of %s with the credentials of %s", routeOf(r), maker, clientID)
	}
}

// carriesNoSecret reports a request that gives the secret of another tenant to a webhook of the hostile one.
func (h *hostileRun) carriesNoSecret(route string, body []byte) {
	for _, o := range h.cluster.all(kindSecret) {
		for _, value := range o.(*corev1.Secret).Data {
			if o.GetNamespace() != hostileNamespace && len(value) >= webhook.MinSecretLength && bytes.Contains(body, value) {
				h.violated("%s has the value of Secret %s/%s", route, o.GetNamespace(), o.GetName())
			}
		}
	}
}

// members looks for Connections of the hostile tenant that reach the account of another.
func (h *hostileRun) members() {
	for _, p := range h.processes {
		for _, clientID := range []string{crashClientID, sharedClientID, closedClientID} {
			account := p.webhooks.Fleets.Account(fleet.AccountOf(platformURL, platformURL+"/connect/token", clientID))
			if account == nil {
				continue
			}
			for _, member := range p.webhooks.Fleets.Members(account) {
				if name := member.Name(); strings.HasPrefix(name, hostileNamespace+"/") {
					h.violated("%s is a member of the account of %s", name, clientID)
				}
			}
		}
	}
}

// namespaceOf is the namespace of the object with a UID, which may be gone.
func (h *hostileRun) namespaceOf(uid string) string {
	for _, c := range h.cluster.history {
		if w, is := concerned(c).(*itwinv1alpha1.Webhook); is && identity.MarkOf(w) == uid {
			return w.Namespace
		}
	}
	return ""
}

// unchanged compares what must not change with what it was.
func (h *hostileRun) unchanged(after string) {
	now := map[string]simulator.Webhook{}
	for _, r := range h.platform.Webhooks() {
		now[r.ID] = r
		mark := platform.MarkOf(r.CallbackURL)
		for static := range h.static {
			o := h.object(static.key.Namespace, static.key.Name)
			if r.ClientID != hostileClientID && o != nil && mark == identity.MarkOf(o) {
				h.violated("%s poses as a create of %s", r.ID, static.key)
			}
		}
	}
	for id, before := range h.protected {
		if !reflect.DeepEqual(now[id], before) {
			h.violated("after %s webhook %s is %+v, not %+v", after, id, now[id], before)
		}
	}
}

// note keeps the Events about objects of the hostile tenant.
func (h *hostileRun) note(about runtime.Object, text string) {
	if o := about.(client.Object); o.GetNamespace() == hostileNamespace {
		h.events = append(h.events, hostileEvent{refOf(o), len(h.cluster.history), text})
	}
}

// check tells what is wrong when all should have settled.
func (h *hostileRun) check() {
	h.unchanged("all")
	c := &checker{simulation: h.simulation, remote: map[string]simulator.Webhook{}}
	for _, r := range h.platform.Webhooks() {
		c.remote[platform.CanonicalID(r.ID)] = r
	}
	for _, w := range h.cluster.webhooks() {
		if w.Namespace != hostileNamespace {
			c.webhook(w)
		}
	}
	for id, r := range c.remote {
		if maker := h.makers[r.ID]; maker != "" && maker != hostileNamespace && h.protected[r.ID].ID == "" && !h.adoption {
			c.violated("webhook %s to %s of %s is left over", id, r.CallbackURL, maker)
		}
	}
	for name, clientID := range map[string]string{sharedConnection: sharedClientID, closedConnection: closedClientID} {
		o := h.cluster.read(ref{kindClusterConnection, client.ObjectKey{Name: name}}).(*itwinv1alpha1.ClusterConnection)
		c.same("conditions of "+name, said(o.Status.Conditions), "Ready=True/"+itwinv1alpha1.ConnectedReason)
		if n := counted(o.Status.UnmanagedWebhooks); n < h.unmanaged[clientID] && !h.adoption {
			c.violated("unmanagedWebhooks of %s is %d, but %d are", name, n, h.unmanaged[clientID])
		}
	}
	for _, v := range c.found {
		h.violated("%s", v)
	}
	h.revoked()
	h.untouched()
	h.secretive()
}

// revoked reports what still delivers for the hostile tenant although the shared ClusterConnection no longer selects
// it.
func (h *hostileRun) revoked() {
	if h.selected {
		return
	}
	for _, r := range h.of(sharedClientID) {
		for _, w := range h.cluster.webhooks() {
			if w.Namespace == hostileNamespace && platform.SameID(w.Status.WebhookID, r.ID) && r.Active {
				h.violated("webhook %s of %s is on, which no connection allows", r.ID, w.Name)
			}
		}
	}
}

// untouched objects of other tenants have not been written to.
func (h *hostileRun) untouched() {
	for _, c := range h.cluster.history[h.known:] {
		if h.static[c.ref] {
			h.violated("%s %s was written to", c.kind, c.key)
		}
	}
}

// secretive reports what the statuses and Events of the hostile tenant tell of the others that it has not told itself.
func (h *hostileRun) secretive() {
	words := h.secrets()
	told := map[ref]*strings.Builder{}
	events := h.events
	for i, c := range h.cluster.history {
		for len(events) > 0 && events[0].known <= i {
			h.tells(events[0].about, "an Event", events[0].text, words, told)
			events = events[1:]
		}
		if c.key.Namespace != hostileNamespace || c.changed == nil {
			continue
		}
		if told[c.ref] == nil {
			told[c.ref] = &strings.Builder{}
		}
		fmt.Fprint(told[c.ref], c.changed.GetAnnotations(), h.own)
		switch o := c.changed.(type) {
		case *itwinv1alpha1.Webhook:
			fmt.Fprint(told[c.ref], text(o.Spec))
			if i < h.known {
				continue
			}
			h.tells(c.ref, "the status", text(o.Status), words, told)
			if _, protected := h.protected[o.Status.WebhookID]; protected {
				h.violated("the status of %s describes %s", c.key, o.Status.WebhookID)
			}
		case *itwinv1alpha1.Connection:
			fmt.Fprint(told[c.ref], text(o.Spec))
			h.tells(c.ref, "the status", text(o.Status), words, told)
		}
	}
	for _, e := range events {
		h.tells(e.about, "an Event", e.text, words, told)
	}
}

func text(o any) string {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func (h *hostileRun) tells(about ref, where, said string, words []string, told map[ref]*strings.Builder) {
	for _, word := range words {
		if strings.Contains(said, word) && (told[about] == nil || !strings.Contains(told[about].String(), word)) {
			h.violated("%s of %s %s tells of %q: %s", where, about.kind, about.key, word, said)
		}
	}
}

// secrets are the words that only other tenants, and the operator, should know.
func (h *hostileRun) secrets() []string {
	words := []string{plantNamespace + "/", crashNamespace + "/"}
	for id, r := range h.protected {
		host, _ := url.Parse(r.CallbackURL)
		words = append(words, id, host.Hostname())
	}
	for _, w := range h.cluster.webhooks() {
		if w.Namespace != hostileNamespace && w.Status.WebhookID != "" {
			words = append(words, w.Status.WebhookID)
		}
	}
	for _, o := range h.cluster.all(kindSecret) {
		secret := o.(*corev1.Secret)
		for key, value := range secret.Data {
			if secret.Namespace != hostileNamespace && key != connection.ClientIDKey && len(value) > len("pair") {
				words = append(words, string(value))
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}
