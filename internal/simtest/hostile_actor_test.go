package simtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// hostileAction is something that the administrator of a namespace may do in it. It returns what it did; "" when there
// was nothing to do it to.
type hostileAction struct {
	name   string
	weight int
	do     func(*hostileRun) string
}

func hostileActions() []hostileAction {
	return []hostileAction{
		{"create", 10, (*hostileRun).createWebhook},
		{"edit", 6, (*hostileRun).editWebhook},
		{"annotate", 8, (*hostileRun).annotateWebhook},
		{"request", 3, (*hostileRun).requestOfWebhook},
		{"change finalizers", 3, (*hostileRun).changeFinalizers},
		{"delete", 4, (*hostileRun).deleteWebhook},
		{"replace", 3, (*hostileRun).replaceWebhook},
		{"write connection", 5, (*hostileRun).writeConnection},
		{"delete connection", 1, (*hostileRun).deleteConnection},
		{"write secret", 4, (*hostileRun).writeSecret},
		{"delete secret", 1, (*hostileRun).deleteSecret},
		{"call own account", 4, (*hostileRun).callOwnAccount},
		{"be selected or not", 2, (*hostileRun).changeSelection},
	}
}

// act does one thing at random.
func (h *hostileRun) act() {
	all := hostileActions()
	total := 0
	for _, a := range all {
		total += a.weight
	}
	at := h.random.IntN(total)
	for _, a := range all {
		if at -= a.weight; at < 0 {
			if did := a.do(h); did != "" {
				h.did(a.name, did)
			}
			return
		}
	}
}

func (h *hostileRun) did(name, what string) {
	at := h.now().Sub(h.began)
	h.actions = append(h.actions, fmt.Sprintf("%8.3fs %s: %s", at.Seconds(), name, what))
}

func pick[T any](h *hostileRun, from ...T) T { return from[h.random.IntN(len(from))] }

func (h *hostileRun) oneIn(n int) bool { return h.random.IntN(n) == 0 }

// The hostile tenant's own names; some are those of the others' objects.
var (
	hostileNames       = []string{"events", "orders", "late", "takeover"}
	hostileConnections = []string{"default", "stolen"}
	hostileSecrets     = []string{"own", "stolen", hmac, sharedConnection}
)

// ids are those of all remote webhooks there are, and were.
func (h *hostileRun) ids() (ids []string) {
	for _, c := range h.cluster.history {
		if w, is := c.changed.(*itwinv1alpha1.Webhook); is && w.Status.WebhookID != "" {
			ids = append(ids, w.Status.WebhookID)
		}
	}
	for _, r := range h.platform.Webhooks() {
		ids = append(ids, r.ID)
	}
	return distinct(ids)
}

// distinct drops what is repeated and keeps the order, which, unlike that of random ids, is the same in each run.
func distinct(values []string) (kept []string) {
	for _, v := range values {
		if !slices.Contains(kept, v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// written are all values that an annotation ever had, of any object.
func (h *hostileRun) written(annotation string) (values []string) {
	for _, c := range h.cluster.history {
		if w, is := c.changed.(*itwinv1alpha1.Webhook); is && w.Annotations[annotation] != "" {
			values = append(values, w.Annotations[annotation])
		}
	}
	return distinct(values)
}

// versions are those of all objects of a name that had a remote webhook.
func (h *hostileRun) versions(of *itwinv1alpha1.Webhook) (versions []*itwinv1alpha1.Webhook) {
	for _, c := range h.cluster.history {
		w, is := c.changed.(*itwinv1alpha1.Webhook)
		if is && c.ref == refOf(of) &&
			w.Annotations[itwinv1alpha1.OwnerAnnotation]+w.Annotations[itwinv1alpha1.FormerAnnotation] != "" {
			versions = append(versions, w)
		}
	}
	return versions
}

// forge gives a Webhook the marks of an identity: those that another object has or had, those that it had itself, or
// such as another key makes.
func (h *hostileRun) forge(w *itwinv1alpha1.Webhook) string {
	id := pick(h, h.ids()...)
	account := "platform.example.com/" + strings.Repeat("0", 16)
	for _, o := range h.cluster.webhooks() {
		if o.Status.Account != "" && h.oneIn(2) {
			account = o.Status.Account
		}
	}
	false_, object := proof.NewKey([]byte(strings.Repeat("f", proof.KeySize))), identity.ObjectOf(w)
	remote := proof.Remote{Account: account, ID: id}
	values := map[string][]string{
		itwinv1alpha1.WebhookIDAnnotation: {id, id, strings.ToUpper(id), ""},
		itwinv1alpha1.OwnerAnnotation: append(h.written(itwinv1alpha1.OwnerAnnotation),
			false_.Owner(object, remote), "v1."+account+".", ""),
		itwinv1alpha1.FormerAnnotation: append(h.written(itwinv1alpha1.FormerAnnotation),
			false_.Former(object, []proof.Remote{remote}), "v1."+account+"."+id+".", ""),
	}
	var did string
	if earlier := h.versions(w); len(earlier) > 0 && h.oneIn(3) {
		// All marks that an object of this name once had.
		copied := pick(h, earlier...)
		for annotation := range values {
			values[annotation] = []string{copied.Annotations[annotation]}
		}
		did = "as before: "
	} else if others := h.cluster.webhooks(); h.oneIn(3) {
		// All marks of one object.
		copied := pick(h, others...)
		for annotation := range values {
			values[annotation] = []string{copied.Annotations[annotation]}
		}
		did = "as " + copied.Namespace + "/" + copied.Name + ": "
	}
	for _, annotation := range []string{
		itwinv1alpha1.WebhookIDAnnotation, itwinv1alpha1.OwnerAnnotation, itwinv1alpha1.FormerAnnotation,
	} {
		value := pick(h, values[annotation]...)
		if value == "" {
			delete(w.Annotations, annotation)
		} else {
			metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, value)
		}
		did += fmt.Sprintf("%s=%q ", annotation[strings.LastIndex(annotation, "/")+1:], value)
	}
	return did
}

func (h *hostileRun) callback() string {
	callback := callbackOf(pick(h, "orders", "events", "alarms", "retained", "moved", "foreign-"+sharedClientID,
		"foreign-"+closedClientID, "a.hostile", "b.hostile", "a.hostile", "elsewhere"))
	if h.oneIn(10) {
		// The API server refuses this; an object that was stored before it did has it.
		callback = platform.Mark(callback, string(pick(h, h.cluster.webhooks()...).UID))
	}
	return callback
}

func (h *hostileRun) connection() itwinv1alpha1.ConnectionReference {
	const cluster, own = itwinv1alpha1.ConnectionKindCluster, itwinv1alpha1.ConnectionKindNamespaced
	shared := itwinv1alpha1.ConnectionReference{Kind: cluster, Name: sharedConnection}
	return pick(
		h,
		shared,
		shared,
		shared,
		itwinv1alpha1.ConnectionReference{Kind: cluster, Name: closedConnection},
		itwinv1alpha1.ConnectionReference{
			Kind: own,
			Name: "default",
		},
		itwinv1alpha1.ConnectionReference{Kind: own, Name: "default"},
		itwinv1alpha1.ConnectionReference{
			Kind: own,
			Name: "stolen",
		},
		itwinv1alpha1.ConnectionReference{Kind: own, Name: "nothing"},
	)
}

func (h *hostileRun) randomWebhook(name string) *itwinv1alpha1.Webhook {
	w := newWebhook(name, in(hostileNamespace))
	w.Spec.ConnectionRef, w.Spec.CallbackURL = h.connection(), h.callback()
	if h.oneIn(3) {
		w.Spec.WebhookID = pick(h, h.ids()...)
	}
	if h.oneIn(2) {
		w.Spec.AdoptionPolicy = itwinv1alpha1.AdoptMatching
	}
	if h.oneIn(3) {
		w.Spec.DeletionPolicy = itwinv1alpha1.RetainRemote
	}
	if h.oneIn(4) {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: pick(h, hostileSecrets...)}
	}
	w.Spec.Suspend = h.oneIn(8)
	w.Spec.Active = new(!h.oneIn(4))
	return w
}

func brief(w *itwinv1alpha1.Webhook) string {
	return fmt.Sprintf("%s %s", w.Name, text(w.Spec))
}

func (h *hostileRun) createWebhook() string {
	name := pick(h, hostileNames...)
	if h.object(hostileNamespace, name) != nil {
		return ""
	}
	w := h.randomWebhook(name)
	var forged string
	if h.oneIn(2) {
		forged = h.forge(w)
	}
	if h.oneIn(4) {
		w.Finalizers = []string{itwinv1alpha1.WebhookFinalizer}
	}
	h.cluster.add(w)
	return brief(w) + " " + forged
}

// some returns one of the Webhooks of the hostile tenant, or nil.
func (h *hostileRun) some() *itwinv1alpha1.Webhook {
	var own []*itwinv1alpha1.Webhook
	for _, w := range h.cluster.webhooks() {
		if w.Namespace == hostileNamespace {
			own = append(own, w)
		}
	}
	if len(own) == 0 {
		return nil
	}
	return pick(h, own...)
}

func (h *hostileRun) editWebhook() string {
	w := h.some()
	if w == nil {
		return ""
	}
	other := h.randomWebhook(w.Name).Spec
	switch h.random.IntN(7) {
	case 0:
		w.Spec.ConnectionRef = other.ConnectionRef
	case 1:
		w.Spec.CallbackURL = other.CallbackURL
	case 2:
		if w.Spec.WebhookID == "" {
			w.Spec.WebhookID = pick(h, h.ids()...)
		}
	case 3:
		w.Spec.AdoptionPolicy = itwinv1alpha1.AdoptMatching
	case 4:
		w.Spec.DeletionPolicy = other.DeletionPolicy
	case 5:
		w.Spec.SecretRef = other.SecretRef
	case 6:
		w.Spec.Suspend, w.Spec.Active = other.Suspend, other.Active
	}
	w.Generation++
	h.cluster.store(w)
	return brief(w)
}

func (h *hostileRun) annotateWebhook() string {
	w := h.some()
	if w == nil {
		return ""
	}
	forged := h.forge(w)
	h.cluster.store(w)
	return w.Name + " " + forged
}

func (h *hostileRun) requestOfWebhook() string {
	w := h.some()
	if w == nil {
		return ""
	}
	annotation := pick(h, itwinv1alpha1.ReactivateRequestedAtAnnotation, itwinv1alpha1.ReconcileRequestedAtAnnotation,
		itwinv1alpha1.RotateRequestedAtAnnotation)
	metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, fmt.Sprint(h.random.Uint32()))
	h.cluster.store(w)
	return w.Name + " " + annotation
}

func (h *hostileRun) changeFinalizers() string {
	w := h.some()
	if w == nil {
		return ""
	}
	w.Finalizers = pick(h, nil, nil, []string{itwinv1alpha1.WebhookFinalizer})
	h.cluster.store(w)
	return fmt.Sprint(w.Name, w.Finalizers)
}

func (h *hostileRun) deleteWebhook() string {
	w := h.some()
	if w == nil {
		return ""
	}
	h.cluster.remove(w)
	return w.Name
}

// replaceWebhook deletes a Webhook at once, whatever its finalizers, and makes another of the same name.
func (h *hostileRun) replaceWebhook() string {
	old := h.some()
	if old == nil {
		return ""
	}
	w := h.randomWebhook(old.Name)
	if h.oneIn(2) {
		w.Annotations, w.Spec = old.Annotations, old.Spec
	}
	old.Finalizers = nil
	h.cluster.remove(old)
	h.cluster.add(w)
	return brief(w) + fmt.Sprint(w.Annotations)
}

func (h *hostileRun) writeConnection() string {
	name := pick(h, hostileConnections...)
	key := client.ObjectKey{Namespace: hostileNamespace, Name: name}
	c, exists := h.cluster.read(ref{kindConnection, key}).(*itwinv1alpha1.Connection)
	if !exists {
		c = &itwinv1alpha1.Connection{
			ObjectMeta: metav1.ObjectMeta{Namespace: hostileNamespace, Name: name},
			Status:     itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1},
		}
	}
	c.Spec = *h.spec(pick(h, hostileSecrets...))
	if name == "default" && !h.oneIn(4) {
		c.Spec.CredentialsSecretRef.Name = "own"
	}
	if h.oneIn(4) {
		// The API server refuses a namespace here.
		c.Spec.CredentialsSecretRef = itwinv1alpha1.CredentialsReference{
			Name: pick(h, sharedConnection, closedConnection), Namespace: secretsNamespace,
		}
	}
	c.Spec.APIURL = pick(h, platformURL, platformURL, "https://PLATFORM.example.com:443/", "https://evil.example.com")
	c.Spec.AllowAdoption = pick(h, itwinv1alpha1.AllowAdoptionMatching, itwinv1alpha1.AllowAdoptionNone)
	if exists {
		c.Generation++
		h.cluster.store(c)
	} else {
		h.cluster.add(c)
	}
	return name + " " + text(c.Spec.CredentialsSecretRef) + " " + c.Spec.APIURL
}

func (h *hostileRun) deleteConnection() string {
	key := client.ObjectKey{Namespace: hostileNamespace, Name: pick(h, hostileConnections...)}
	c := h.cluster.read(ref{kindConnection, key})
	if c == nil {
		return ""
	}
	h.cluster.remove(c)
	return key.Name
}

// writeSecret makes or changes a Secret: credentials with the client id of another, a signing secret, or one that looks
// as if the operator had generated it.
func (h *hostileRun) writeSecret() string {
	name := pick(h, append(slices.Clone(hostileSecrets), pick(h, hostileNames...)+itwinv1alpha1.GeneratedSecretSuffix)...)
	key := client.ObjectKey{Namespace: hostileNamespace, Name: name}
	secret, exists := h.cluster.read(ref{kindSecret, key}).(*corev1.Secret)
	if !exists {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: hostileNamespace, Name: name}}
	}
	clientID := pick(h, crashClientID, sharedClientID, closedClientID, hostileClientID)
	if name == "own" && !h.oneIn(4) {
		clientID = hostileClientID
	}
	secret.Data = map[string][]byte{
		connection.ClientIDKey: []byte(clientID), connection.ClientSecretKey: []byte(h.passwords[hostileClientID]),
		itwinv1alpha1.DefaultSecretKey: []byte(fmt.Sprintf("%040d", h.random.Uint64())),
	}
	if strings.HasSuffix(name, itwinv1alpha1.GeneratedSecretSuffix) {
		secret.Labels = pick(h, nil, map[string]string{kube.ManagedByLabel: kube.ManagerName})
		of := pick(h, h.cluster.webhooks()...)
		secret.OwnerReferences = pick(h, nil, []metav1.OwnerReference{{
			APIVersion: itwinv1alpha1.GroupVersion.String(), Kind: kube.WebhookKind, Name: of.Name,
			UID: pick(h, of.UID, types.UID("dead")), Controller: new(true),
		}})
	}
	if exists {
		h.cluster.store(secret)
	} else {
		h.cluster.add(secret)
	}
	return fmt.Sprint(name, " ", clientID, " ", secret.Labels, text(secret.OwnerReferences))
}

func (h *hostileRun) deleteSecret() string {
	key := client.ObjectKey{Namespace: hostileNamespace, Name: pick(h, hostileSecrets...)}
	secret := h.cluster.read(ref{kindSecret, key})
	if secret == nil {
		return ""
	}
	h.cluster.remove(secret)
	return key.Name
}

// callOwnAccount changes the platform with the hostile tenant's own credentials: it makes remote webhooks that look as
// if they were another Webhook's, or changes and deletes some, or lets the platform turn one off.
func (h *hostileRun) callOwnAccount() string {
	own := h.of(hostileClientID)
	if len(own) == 0 || h.oneIn(2) {
		callback := platform.Mark(callbackOf("a.hostile"), string(pick(h, h.cluster.webhooks()...).UID))
		h.askAs(hostileClientID, http.MethodPost, "/webhooks", map[string]any{
			"callbackUrl": callback, "scope": "iTwin", "scopeId": crashITwin, "eventTypes": []string{"iTwins.iTwinCreated.v1"},
		})
		return "create " + callback
	}
	id := pick(h, own...).ID
	switch h.random.IntN(3) {
	case 0:
		h.askAs(hostileClientID, http.MethodDelete, "/webhooks/"+id, nil)
		return "delete " + id
	case 1:
		_, err := h.platform.Deactivate(id)
		h.must(err)
		return "turn off " + id
	}
	callback := h.callback()
	h.own = append(h.own, callback)
	h.askAs(hostileClientID, http.MethodPatch, "/webhooks/"+id, map[string]any{"callbackUrl": callback})
	return "update " + id + " to " + callback
}

// changeSelection changes the labels of the hostile namespace, as administrators do.
func (h *hostileRun) changeSelection() string {
	namespace := h.cluster.read(ref{kindNamespace, client.ObjectKey{Name: hostileNamespace}}).(*corev1.Namespace)
	if !h.selected || h.oneIn(2) {
		h.selected = !h.selected
		h.changed = h.now()
	}
	namespace.Labels = map[string]string{sharedLabel: fmt.Sprint(h.selected)}
	h.cluster.store(namespace)
	return fmt.Sprint(h.selected)
}
