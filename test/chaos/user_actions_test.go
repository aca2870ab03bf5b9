package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	userCount = 4
	// actionsPerWebhook is how often each is touched, about.
	actionsPerWebhook = 12
	// actionBudget bounds one action: an API server that is paused does not answer.
	actionBudget = 2 * time.Second
	ownSecrets   = 4
)

var (
	identifiers = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	eventTypes  = []string{"iModels.iModelDeleted.v1", "iTwins.iTwinCreated.v1", "iModels.changesReady.v1"}
)

// user edits some of the Webhooks. What is wanted in the end is what the API server has accepted.
type user struct {
	*scene
	names []string
}

func (w *scene) users() []*user {
	all := make([]*user, userCount)
	for i := range all {
		all[i] = &user{scene: w}
	}
	for i := range *webhooks {
		p := all[i%userCount]
		p.names = append(p.names, fmt.Sprintf("hook-%04d", i))
	}
	return all
}

// run begins with many actions at once, and then does one action after the other.
func (p *user) run(ctx context.Context, random *rand.Rand) {
	if len(p.names) == 0 {
		return
	}
	for _, name := range p.names[len(p.names)/4:] {
		p.act(ctx, random, name)
	}
	pause := *duration / time.Duration(len(p.names)*actionsPerWebhook)
	for sleepRandom(ctx, random, pause) {
		p.act(ctx, random, p.names[random.IntN(len(p.names))])
	}
}

// sleepRandom waits for a random time, of the given length on average, and is false when the time is over.
func sleepRandom(ctx context.Context, random *rand.Rand, average time.Duration) bool {
	timer := time.NewTimer(time.Duration(random.Int64N(int64(2*average) + 1)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// act creates a Webhook that does not exist, and does something to one that does.
func (p *user) act(ctx context.Context, random *rand.Rand, name string) {
	ctx, cancel := context.WithTimeout(ctx, actionBudget)
	defer cancel()
	var webhook itwinv1alpha1.Webhook
	err := plane.Client.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: name}, &webhook)
	switch {
	case apierrors.IsNotFound(err):
		fresh := p.newWebhook(random, name)
		err := plane.Client.Create(ctx, fresh)
		p.journal.note(name, fmt.Sprintf("create: %v %s", fresh.UID, brief(fresh)), err)
	case err != nil:
		p.journal.note(name, "read", err)
	case webhook.DeletionTimestamp.IsZero():
		d := p.choose(random)
		err := d.do(ctx, random, &webhook)
		p.journal.note(name, d.name+": "+brief(&webhook), err)
	}
}

func brief(w *itwinv1alpha1.Webhook) string {
	return fmt.Sprintf("%s %v active=%v secretRef=%v", w.Spec.CallbackURL, w.Spec.EventTypes, w.WantsActive(), w.Spec.SecretRef)
}

func (p *user) newWebhook(random *rand.Rand, name string) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin, CallbackURL: randomCallback(random), EventTypes: randomTypes(random),
			Active: new(random.IntN(4) > 0),
		},
	}
	if random.IntN(4) == 0 {
		w.Spec.Scope, w.Spec.ScopeID = itwinv1alpha1.AccountScope, ""
	}
	if random.IntN(3) == 0 {
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: ownSecret(random.IntN(ownSecrets))}
	}
	if random.IntN(8) == 0 {
		w.Spec.AdoptionPolicy = itwinv1alpha1.AdoptMatching
	}
	return w
}

// randomCallback is one of few, so that some Webhooks want exactly the same.
func randomCallback(random *rand.Rand) string {
	return fmt.Sprintf("https://hooks.example.com/%d", random.IntN(*webhooks/4+1))
}

func randomTypes(random *rand.Rand) []string {
	chosen := make([]string, 1+random.IntN(len(eventTypes)))
	for i, k := range random.Perm(len(eventTypes))[:len(chosen)] {
		chosen[i] = eventTypes[k]
	}
	return chosen
}

func randomText(random *rand.Rand) string { return fmt.Sprintf("%032x", random.Uint64()) }

func ownSecret(i int) string { return fmt.Sprintf("own-%d", i) }

// userAction is something that users do to a Webhook.
type userAction struct {
	name   string
	weight int
	do     func(context.Context, *rand.Rand, *itwinv1alpha1.Webhook) error
}

func (p *user) actions() []userAction {
	return []userAction{
		{"edit", 6, p.edit},
		{"turn on or off", 3, p.toggle},
		{"delete", 6, p.delete},
		{"change which Secret", 1, p.changeSecretRef},
		{"rotate", 1, p.rotate},
		{"change a Secret", 1, p.changeSecret},
		{"delete the Secret", 1, p.deleteSecret},
		{"ask for a look", 1, p.askForLook},
		{"deactivate as the platform", 1, p.deactivate},
		{"delete on the platform", 1, p.deleteRemote},
		{"change on the platform", 1, p.changeRemote},
	}
}

func (p *user) choose(random *rand.Rand) userAction {
	actions := p.actions()
	total := 0
	for _, d := range actions {
		total += d.weight
	}
	at := random.IntN(total)
	for _, d := range actions {
		if at -= d.weight; at < 0 {
			return d
		}
	}
	return actions[0]
}

// patch changes a Webhook as a user does: without regard to what else changed.
func patch(ctx context.Context, w *itwinv1alpha1.Webhook, change func()) error {
	before := w.DeepCopy()
	change()
	return plane.Client.Patch(ctx, w, client.MergeFrom(before))
}

func (p *user) edit(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return patch(ctx, w, func() {
		w.Spec.CallbackURL = randomCallback(random)
		if random.IntN(2) == 0 {
			w.Spec.EventTypes = randomTypes(random)
		}
	})
}

func (p *user) toggle(ctx context.Context, _ *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return patch(ctx, w, func() { w.Spec.Active = new(!w.WantsActive()) })
}

func (p *user) delete(ctx context.Context, _ *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return client.IgnoreNotFound(plane.Client.Delete(ctx, w))
}

func (p *user) changeSecretRef(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return patch(ctx, w, func() {
		if w.Spec.SecretRef != nil && random.IntN(2) == 0 {
			w.Spec.SecretRef = nil
			return
		}
		w.Spec.SecretRef = &itwinv1alpha1.SecretKeyReference{Name: ownSecret(random.IntN(ownSecrets))}
	})
}

func (p *user) annotate(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook, annotation string) error {
	return patch(ctx, w, func() { metav1.SetMetaDataAnnotation(&w.ObjectMeta, annotation, randomText(random)) })
}

func (p *user) rotate(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return p.annotate(ctx, random, w, itwinv1alpha1.RotateRequestedAtAnnotation)
}

func (p *user) askForLook(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return p.annotate(ctx, random, w, itwinv1alpha1.ReconcileRequestedAtAnnotation)
}

// changeSecret gives a Secret that some Webhooks share another value.
func (p *user) changeSecret(ctx context.Context, random *rand.Rand, _ *itwinv1alpha1.Webhook) error {
	var secret corev1.Secret
	name := ownSecret(random.IntN(ownSecrets))
	if err := plane.Client.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: name}, &secret); err != nil {
		return err
	}
	secret.Data[itwinv1alpha1.DefaultSecretKey] = []byte(randomText(random))
	return plane.Client.Update(ctx, &secret)
}

// deleteSecret deletes the generated Secret, as a user does to get another value.
func (p *user) deleteSecret(ctx context.Context, _ *rand.Rand, w *itwinv1alpha1.Webhook) error {
	return client.IgnoreNotFound(plane.Client.Delete(ctx, p.secret(w.Name+itwinv1alpha1.GeneratedSecretSuffix, nil)))
}

// deactivate does what the platform does after failed deliveries, once: then the operator pauses before it helps.
func (p *user) deactivate(ctx context.Context, _ *rand.Rand, w *itwinv1alpha1.Webhook) error {
	if w.Status.WebhookID == "" || w.Status.Deactivations > 0 {
		return nil
	}
	return p.platform.Deactivate(ctx, w.Status.WebhookID)
}

func (p *user) deleteRemote(ctx context.Context, _ *rand.Rand, w *itwinv1alpha1.Webhook) error {
	if w.Status.WebhookID == "" {
		return nil
	}
	return p.otherClient.Delete(ctx, platform.Priority{}, w.Status.WebhookID)
}

func (p *user) changeRemote(ctx context.Context, random *rand.Rand, w *itwinv1alpha1.Webhook) error {
	if w.Status.WebhookID == "" {
		return nil
	}
	_, err := p.otherClient.Update(ctx, platform.Priority{}, w.Status.WebhookID, platform.Patch{CallbackURL: randomCallback(random)})
	return err
}
