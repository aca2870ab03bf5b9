package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

const (
	// hostileType is an event type that only the hostile tenant's Webhooks have.
	hostileType = "iTwins.iTwinDeleted.v1"
	// hostileNames is how many names its Webhooks have, and hostilePause how long it rests between two actions.
	hostileNames = 6
	hostilePause = 150 * time.Millisecond
	// unmanaged is how many remote webhooks belong to no Webhook.
	unmanaged = 3

	selectedLabel = "may-use-shared"
)

// hostile is a tenant with a namespace of its own that attacks the others. A ClusterConnection lets it use the
// account of the others; a Connection of its own reaches another account. (That it knows the client id of another, but
// not the password, is not played: the simulator accepts any.)
type hostile struct {
	*scene
	namespace string
	// foreignWebhooks are the unmanaged remote webhooks of the shared account, as they were.
	foreignWebhooks map[string]simulator.Webhook
}

// addHostileTenant makes the hostile tenant's namespace and what it may use.
func (w *scene) addHostileTenant(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "hostile-", Labels: map[string]string{selectedLabel: "true"},
	}}
	if err := plane.Client.Create(ctx, namespace); err != nil {
		return err
	}
	w.hostile = &hostile{scene: w, namespace: namespace.Name, foreignWebhooks: map[string]simulator.Webhook{}}
	spec := itwinv1alpha1.ConnectionSpec{
		APIURL: w.platform.URL, TokenURL: w.platform.TokenURL(),
		CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: credentials},
		PollInterval:         metav1.Duration{Duration: 10 * time.Second},
		RateLimit:            itwinv1alpha1.RateLimit{RequestsPerMinute: callsAMinute},
	}
	shared := &itwinv1alpha1.ClusterConnection{ObjectMeta: metav1.ObjectMeta{Name: namespace.Name}, Spec: *spec.DeepCopy()}
	shared.Spec.CredentialsSecretRef.Namespace = w.namespace
	shared.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{selectedLabel: "true"}}
	own := &itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "default"}, Spec: spec,
	}
	secret := w.secret(credentials, map[string]string{"clientId": namespace.Name, "clientSecret": clientSecret})
	secret.Namespace = namespace.Name
	var err error
	for _, o := range []client.Object{shared, own, secret} {
		err = errors.Join(err, plane.Client.Create(ctx, o))
	}
	return err
}

// addForeignWebhooks makes remote webhooks in the shared account that belong to no Webhook.
func (h *hostile) addForeignWebhooks(ctx context.Context) error {
	for i := range unmanaged {
		_, err := h.otherClient.Create(ctx, platform.Priority{}, platform.CreateRequest{
			CallbackURL: foreignCallback(i), Scope: "iTwin", ScopeID: iTwin,
			EventTypes: []string{"iModels.iModelDeleted.v1"}, Secret: "the-secret-of-an-unmanaged-webhook",
		})
		if err != nil {
			return err
		}
	}
	all, err := h.platform.Webhooks(ctx)
	for _, r := range all {
		h.foreignWebhooks[r.ID] = r
	}
	return err
}

// foreignCallback is one that no user's Webhook has: those may adopt what matches.
func foreignCallback(i int) string { return fmt.Sprintf("https://hooks.example.com/unmanaged-%d", i) }

// foreign reports whether a remote webhook is not one of those that users' Webhooks must account for.
func (w *scene) foreign(r simulator.Webhook) bool {
	if w.hostile == nil {
		return false
	}
	_, unmanaged := w.hostile.foreignWebhooks[r.ID]
	return unmanaged || r.ClientID != w.namespace || slices.Equal(r.EventTypes, []string{hostileType})
}

// run does one action after the other.
func (h *hostile) run(ctx context.Context, random *rand.Rand) {
	for sleepRandom(ctx, random, hostilePause) {
		h.act(ctx, random)
	}
}

func (h *hostile) act(ctx context.Context, random *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, actionBudget)
	defer cancel()
	name := fmt.Sprintf("hook-%04d", random.IntN(hostileNames))
	var webhook itwinv1alpha1.Webhook
	err := plane.Client.Get(ctx, client.ObjectKey{Namespace: h.namespace, Name: name}, &webhook)
	what := "create"
	switch {
	case apierrors.IsNotFound(err):
		err = h.create(ctx, random, name)
	case err == nil:
		what, err = h.attack(ctx, random, &webhook)
	}
	h.journal.note(h.namespace+"/"+name, "hostile "+what, err)
}

func (h *hostile) create(ctx context.Context, random *rand.Rand, name string) error {
	w := &itwinv1alpha1.Webhook{ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: name}, Spec: h.spec(ctx, random)}
	if random.IntN(2) == 0 {
		h.forge(ctx, random, w)
	}
	return plane.Client.Create(ctx, w)
}

// spec is that of a Webhook; a third of them name the remote webhook of another.
func (h *hostile) spec(ctx context.Context, random *rand.Rand) itwinv1alpha1.WebhookSpec {
	spec := itwinv1alpha1.WebhookSpec{
		ConnectionRef: h.connection(random), Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin,
		CallbackURL: randomCallback(random), EventTypes: []string{hostileType}, Suspend: random.IntN(8) == 0,
		AdoptionPolicy: itwinv1alpha1.AdoptMatching, DeletionPolicy: itwinv1alpha1.DeleteRemote,
	}
	if random.IntN(3) == 0 {
		spec.CallbackURL = foreignCallback(random.IntN(unmanaged))
	}
	if random.IntN(3) == 0 {
		spec.DeletionPolicy = itwinv1alpha1.RetainRemote
	}
	if random.IntN(3) == 0 {
		spec.WebhookID = h.victim(ctx, random)
	}
	if random.IntN(3) == 0 {
		spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: ownSecret(random.IntN(ownSecrets))}
	}
	return spec
}

func (h *hostile) connection(random *rand.Rand) itwinv1alpha1.ConnectionReference {
	if random.IntN(3) == 0 {
		return itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindNamespaced, Name: "default"}
	}
	return itwinv1alpha1.ConnectionReference{Kind: itwinv1alpha1.ConnectionKindCluster, Name: h.namespace}
}

// victim is the id of some remote webhook; "" when there is none.
func (h *hostile) victim(ctx context.Context, random *rand.Rand) string {
	all, err := h.platform.Webhooks(ctx)
	if err != nil || len(all) == 0 {
		return ""
	}
	return all[random.IntN(len(all))].ID
}

// forge copies the marks of an identity from some Webhook, its own ones or the others', all or some.
func (h *hostile) forge(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) {
	var all itwinv1alpha1.WebhookList
	if err := plane.Client.List(ctx, &all); err != nil || len(all.Items) == 0 {
		return
	}
	from := all.Items[random.IntN(len(all.Items))].Annotations
	for _, annotation := range []string{
		itwinv1alpha1.WebhookIDAnnotation, itwinv1alpha1.OwnerAnnotation, itwinv1alpha1.FormerAnnotation,
	} {
		if value := from[annotation]; value != "" && random.IntN(4) > 0 {
			metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, value)
		}
	}
	if random.IntN(3) == 0 {
		metav1.SetMetaDataAnnotation(&w.ObjectMeta, itwinv1alpha1.WebhookIDAnnotation, h.victim(ctx, random))
	}
}

// attack does something to one of its Webhooks, and says what.
func (h *hostile) attack(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) (what string, err error) {
	switch random.IntN(8) {
	case 0, 1:
		return "forge", patch(ctx, w, func() { h.forge(ctx, random, w) })
	case 2:
		return "strip", patch(ctx, w, func() { w.Finalizers = nil })
	case 3:
		return "delete", client.IgnoreNotFound(plane.Client.Delete(ctx, w))
	case 4:
		err = errors.Join(patch(ctx, w, func() { w.Finalizers = nil }), client.IgnoreNotFound(plane.Client.Delete(ctx, w)))
		return "replace", errors.Join(err, h.create(ctx, random, w.Name))
	case 5:
		return "edit", patch(ctx, w, func() {
			id := w.Spec.WebhookID
			if w.Spec = h.spec(ctx, random); id != "" {
				w.Spec.WebhookID = id
			}
		})
	case 6:
		annotation := []string{itwinv1alpha1.ReconcileRequestedAtAnnotation, itwinv1alpha1.RotateRequestedAtAnnotation}[random.IntN(2)]
		return "request", patch(ctx, w, func() { metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, randomText(random)) })
	}
	return "selection", h.selected(ctx, random.IntN(2) == 0)
}

// selected says whether the ClusterConnection selects the hostile namespace, as administrators do.
func (h *hostile) selected(ctx context.Context, selected bool) error {
	var namespace corev1.Namespace
	if err := plane.Client.Get(ctx, client.ObjectKey{Name: h.namespace}, &namespace); err != nil {
		return err
	}
	before := namespace.DeepCopy()
	namespace.Labels[selectedLabel] = fmt.Sprint(selected)
	return plane.Client.Patch(ctx, &namespace, client.MergeFrom(before))
}

// wins are what the hostile tenant has got that is not its own: a change of an unmanaged webhook, a status that
// describes a webhook of another, or words in a status or an Event that only the others should know.
func (h *hostile) wins(ctx context.Context, s *state) (found []difference, err error) {
	remotes, err := h.platform.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	now, owners := map[string]simulator.Webhook{}, map[string]string{}
	for _, r := range remotes {
		now[r.ID] = r
	}
	for id, before := range h.foreignWebhooks {
		owners[id] = "no Webhook"
		if !reflect.DeepEqual(now[id], before) {
			found = append(found, difference{id, fmt.Sprintf("is unmanaged and was %+v, but is %+v", before, now[id])})
		}
	}
	words := []string{h.scene.namespace + "/"}
	for _, w := range s.webhooks {
		owners[w.Status.WebhookID] = w.Name
	}
	for _, secret := range s.secrets {
		words = append(words, string(secret.Data[itwinv1alpha1.DefaultSecretKey]))
	}
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	var own itwinv1alpha1.WebhookList
	var events eventsv1.EventList
	for _, list := range []client.ObjectList{&own, &events} {
		if err := plane.Client.List(ctx, list, client.InNamespace(h.namespace)); err != nil {
			return nil, err
		}
	}
	tells := func(about, text string) {
		for _, word := range words {
			if strings.Contains(text, word) {
				found = append(found, difference{about, fmt.Sprintf("tells of %q: %s", word, text)})
			}
		}
	}
	for _, w := range own.Items {
		tells(h.namespace+"/"+w.Name, fmt.Sprintf("%+v", w.Status))
		if owner := owners[w.Status.WebhookID]; owner != "" && w.Status.WebhookID != "" {
			found = append(found, difference{h.namespace + "/" + w.Name, "describes the remote webhook of " + owner})
		}
	}
	for _, e := range events.Items {
		tells(h.namespace+"/"+e.Regarding.Name, e.Note)
	}
	return found, nil
}

// leaves deletes the Webhooks of the hostile tenant and waits until all are gone.
func (h *hostile) leaves(t *testing.T) {
	t.Helper()
	must(t, h.selected(t.Context(), true))
	must(t, plane.Client.DeleteAllOf(t.Context(), &itwinv1alpha1.Webhook{}, client.InNamespace(h.namespace)))
	h.eventually(t, "the hostile Webhooks go", func(ctx context.Context) (left []difference, err error) {
		var own itwinv1alpha1.WebhookList
		err = plane.Client.List(ctx, &own, client.InNamespace(h.namespace))
		for _, w := range own.Items {
			left = append(left, difference{w.Name, fmt.Sprintf("is still there: %+v", w.Status.Conditions)})
		}
		return left, err
	})
}
