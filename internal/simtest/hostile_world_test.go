package simtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/tenancy"
	"webhook-operator.io/itwin/simulator"
)

// Two tenants with a namespace each, crashNamespace and plantNamespace, share the cluster with a hostile one. The
// ClusterConnection "shared" may select the hostile namespace, "closed" never does. Each has a service application, as
// have the Connections "default" of crashNamespace and of the hostile namespace.
const (
	plantNamespace   = "plant"
	hostileNamespace = "hostile"
	secretsNamespace = "operator-credentials"

	sharedConnection = "shared"
	closedConnection = "closed"

	sharedClientID  = "shared-app"
	closedClientID  = "closed-app"
	hostileClientID = "hostile-app"

	platformHost = "platform.example.com"
	sharedLabel  = "may-use-shared"
	closedLabel  = "may-use-closed"
)

// hostileRun is one simulated run with a hostile tenant.
type hostileRun struct {
	*simulation
	random *rand.Rand
	began  time.Time
	// adoption is true where the shared ClusterConnection lets its Webhooks adopt: what no Webhook owns in its account is
	// then anybody's.
	adoption bool
	// actions is what was done, in order, and found what was wrong, each once.
	actions []string
	found   []string

	// passwords are those of the service applications; clients are the service applications of the access tokens.
	passwords map[string]string
	clients   map[string]string
	// protected are the remote webhooks that must stay as they are: those of Webhooks that no tenant edits, and unmanaged
	// ones.
	protected map[string]simulator.Webhook
	// unmanaged counts the remote webhooks of a service application that no Webhook owns.
	unmanaged map[string]int
	// static are the objects of other tenants that no tenant edits; known is how many changes had happened before the
	// hostile tenant began.
	static map[ref]bool
	known  int
	// makers are the namespaces whose Webhooks created the remote webhooks, or imported them, by id.
	makers map[string]string
	// selected reports whether the shared ClusterConnection selects the hostile namespace; changed is when that changed.
	selected bool
	changed  time.Time
	events   []hostileEvent
	// own are the callbacks that the hostile tenant gave to remote webhooks of its own account by itself.
	own []string
}

// hostileEvent is an Event about an object of the hostile namespace.
type hostileEvent struct {
	about ref
	// known is how many changes of objects had happened.
	known int
	text  string
}

func newHostileRun(w *simulation, seed uint64) *hostileRun {
	h := &hostileRun{
		simulation: w, random: rand.New(rand.NewPCG(seed, 0)), adoption: seed%4 == 3, selected: true,
		passwords: map[string]string{}, clients: map[string]string{}, protected: map[string]simulator.Webhook{},
		unmanaged: map[string]int{}, static: map[ref]bool{}, makers: map[string]string{},
	}
	w.clusterWide, w.allowHost = true, tenancy.AllowHosts([]string{platformHost}, false)
	w.platformProxy, w.onEvent = h.proxy, h.note
	for _, id := range []string{crashClientID, sharedClientID, closedClientID, hostileClientID} {
		h.passwords[id] = "pair"
	}
	for _, id := range []string{sharedClientID, closedClientID, hostileClientID} {
		h.passwords[id] = "password-of-" + id
	}
	return h
}

// settle makes the other tenants' objects, and waits until the operator has carried all of them out.
func (h *hostileRun) settle() {
	for _, name := range []string{crashNamespace, plantNamespace, hostileNamespace} {
		h.cluster.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{sharedLabel: "true", closedLabel: fmt.Sprint(name != hostileNamespace)},
		}})
	}
	h.connections()
	h.foreignWebhooks()
	h.start()
	for _, w := range h.tenants() {
		h.cluster.add(w)
	}
	h.run(warmUp)
	h.change(
		plantNamespace,
		"retained",
		func(w *itwinv1alpha1.Webhook) { w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote },
	)
	h.change(crashNamespace, "moved", func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{
			Kind: itwinv1alpha1.ConnectionKindNamespaced,
			Name: crashConnection,
		}
	})
	h.run(warmUp)
	h.cluster.remove(h.object(plantNamespace, "retained"))
	h.handOver()
	h.protect()
}

// handOver lets another tenant import two remote webhooks that the hostile tenant once had and left behind: it has had
// valid proofs that it owns the one, and that it gave up the other.
func (h *hostileRun) handOver() {
	h.permitAdoption(itwinv1alpha1.AllowAdoptionMatching)
	h.cluster.add(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: hostileNamespace, Name: "default"}, Spec: *h.spec("own"),
		Status: itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1},
	})
	own := in(hostileNamespace)
	h.cluster.add(newWebhook("events", own, through(sharedConnection), callingBack("a.hostile"), retaining))
	h.cluster.add(newWebhook("orders", own, through(sharedConnection), callingBack("b.hostile"), retaining))
	h.run(warmUp)
	owned, former := h.object(hostileNamespace, "events"), h.object(hostileNamespace, "orders")
	h.change(hostileNamespace, "orders", func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{
			Kind: itwinv1alpha1.ConnectionKindNamespaced,
			Name: "default",
		}
	})
	h.run(warmUp)
	for _, name := range []string{"events", "orders"} {
		h.cluster.remove(h.object(hostileNamespace, name))
	}
	h.run(warmUp)
	plant, shared := in(plantNamespace), through(sharedConnection)
	h.cluster.add(newWebhook("imported", plant, shared, callingBack("events"), importing(owned.Status.WebhookID)))
	h.cluster.add(newWebhook("imported-too", plant, shared, callingBack("events"), importing(former.Status.WebhookID)))
	h.run(warmUp)
	if !h.adoption {
		h.permitAdoption(itwinv1alpha1.AllowAdoptionNone)
		h.run(warmUp)
	}
}

// permitAdoption changes the shared ClusterConnection.
func (h *hostileRun) permitAdoption(policy itwinv1alpha1.AllowAdoption) {
	c := h.cluster.read(ref{kindClusterConnection, client.ObjectKey{Name: sharedConnection}}).(*itwinv1alpha1.ClusterConnection)
	c.Spec.AllowAdoption = policy
	c.Generation++
	h.cluster.store(c)
}

func (h *hostileRun) connections() {
	secret := func(namespace, name, clientID string) {
		h.cluster.add(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Data: map[string][]byte{
				connection.ClientIDKey: []byte(clientID), connection.ClientSecretKey: []byte(h.passwords[clientID]),
			},
		})
	}
	for _, is := range []struct{ name, clientID, label string }{
		{sharedConnection, sharedClientID, sharedLabel}, {closedConnection, closedClientID, closedLabel},
	} {
		name := is.name
		secret(secretsNamespace, name, is.clientID)
		c := &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: name}}
		c.Spec = *h.spec(name)
		c.Spec.CredentialsSecretRef.Namespace = secretsNamespace
		c.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: labels.Set{is.label: "true"}}
		c.Spec.AllowedCallbackHosts = allowedHosts()
		c.Status.ObservedGeneration = -1
		h.cluster.add(c)
	}
	secret(hostileNamespace, "own", hostileClientID)
}

// spec is that of a connection with the credentials in a Secret.
func (h *hostileRun) spec(secret string) *itwinv1alpha1.ConnectionSpec {
	c := h.cluster.read(ref{kindConnection, keyed(crashConnection)}).(*itwinv1alpha1.Connection)
	spec := c.Spec.DeepCopy()
	spec.CredentialsSecretRef = itwinv1alpha1.CredentialsReference{Name: secret}
	return spec
}

// allowedHosts are those of the ClusterConnections.
func allowedHosts() (hosts []string) {
	for _, name := range []string{"orders", "events", "alarms", "paused", "moved", "moving", "edited", "late", "retained"} {
		hosts = append(hosts, name+".example.com")
	}
	return append(hosts, "foreign-shared-app.example.com", "*.hostile.example.com")
}

// foreignWebhooks makes a remote webhook in each account of the others by hand.
func (h *hostileRun) foreignWebhooks() {
	for _, clientID := range []string{crashClientID, sharedClientID, closedClientID} {
		created := h.askAs(clientID, http.MethodPost, "/webhooks", map[string]any{
			"callbackUrl": callbackOf("foreign-" + clientID), "scope": "iTwin", "scopeId": crashITwin,
			"eventTypes": []string{"iModels.iModelDeleted.v1"},
		})
		h.askAs(clientID, http.MethodPatch, "/webhooks/"+created["id"].(string), map[string]any{
			"active": true, "secret": "the-secret-of-a-foreign-of-" + clientID,
		})
		h.unmanaged[clientID]++
	}
	h.unmanaged[sharedClientID]++ // the one that is retained
}

func in(namespace string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) { w.Namespace = namespace }
}

func through(clusterConnection string) func(*itwinv1alpha1.Webhook) {
	return func(w *itwinv1alpha1.Webhook) {
		w.Spec.ConnectionRef = itwinv1alpha1.ConnectionReference{
			Kind: itwinv1alpha1.ConnectionKindCluster,
			Name: clusterConnection,
		}
	}
}

// tenants are the Webhooks of the others before the hostile tenant begins.
func (h *hostileRun) tenants() []*itwinv1alpha1.Webhook {
	h.cluster.setSecret(hmac, map[string]string{itwinv1alpha1.DefaultSecretKey: firstHMAC})
	plant, shared := in(plantNamespace), through(sharedConnection)
	return []*itwinv1alpha1.Webhook{
		newWebhook("events"),
		newWebhook("orders", shared, referring(hmac)),
		newWebhook("moved", shared),
		newWebhook("events", plant, shared),
		newWebhook("alarms", plant, through(closedConnection)),
		newWebhook("paused", plant, shared, func(w *itwinv1alpha1.Webhook) { w.Spec.Active = new(false) }),
		newWebhook("moving", plant, shared),
		newWebhook("edited", plant, shared),
		newWebhook("retained", plant, shared),
	}
}

// editedByTenants are the Webhooks of the others that they edit meanwhile: what becomes of these is judged in the end.
var editedByTenants = map[string]bool{"late": true, "moving": true, "edited": true}

// protect notes what must not change.
func (h *hostileRun) protect() {
	h.known, h.began = len(h.cluster.history), time.Now()
	h.found, h.events = nil, nil
	mayChange := map[string]bool{}
	for _, w := range h.cluster.webhooks() {
		if editedByTenants[w.Name] {
			mayChange[w.Status.WebhookID] = true
			continue
		}
		h.static[refOf(w)] = true
	}
	owned := map[string]bool{}
	for _, w := range h.cluster.webhooks() {
		owned[w.Status.WebhookID] = true
		h.makers[w.Status.WebhookID] = w.Namespace
	}
	for _, r := range h.platform.Webhooks() {
		if r.ClientID == hostileClientID {
			continue
		}
		anybodys := h.adoption && r.ClientID == sharedClientID && !owned[r.ID]
		if !mayChange[r.ID] && !anybodys {
			h.protected[r.ID] = r
		}
	}
}

// otherTenants plans what the other tenants do meanwhile, and returns when.
func (h *hostileRun) otherTenants() (times []time.Duration) {
	for _, do := range []func(){
		func() { h.cluster.add(newWebhook("late", through(sharedConnection))) },
		func() { h.change(plantNamespace, "moving", through(closedConnection)) },
		func() {
			h.change(plantNamespace, "edited", func(w *itwinv1alpha1.Webhook) {
				w.Spec.EventTypes = []string{"iModels.iModelCreated.v1"}
			})
		},
	} {
		at := time.Duration(h.random.Int64N(int64(hostileFor)))
		h.in(at, "tenant", do)
		times = append(times, at)
	}
	return times
}

func (h *hostileRun) object(namespace, name string) *itwinv1alpha1.Webhook {
	w, _ := h.cluster.read(ref{kindWebhook, client.ObjectKey{Namespace: namespace, Name: name}}).(*itwinv1alpha1.Webhook)
	return w
}

// change edits the spec of a Webhook.
func (h *hostileRun) change(namespace, name string, change func(*itwinv1alpha1.Webhook)) {
	w := h.object(namespace, name)
	change(w)
	w.Generation++
	h.cluster.store(w)
}
