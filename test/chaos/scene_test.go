package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	iTwin        = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	credentials  = "itwin-service-app"
	clientSecret = "test-secret"
	callsAMinute = 5000
)

// Streams of random numbers, one for each actor, so that the speed of another does not change the choices.
const (
	streamOperator = iota
	streamPlane
	streamPlatform
	streamSecrets
	streamHostile
	streamMembers = 50
	streamUsers   = 100
)

// scene is what one scenario has to itself: a namespace, a platform, and the operator's processes.
type scene struct {
	namespace string
	platform  *harness.Simulator
	// otherClient changes the remote side behind the operator's back, with the same credentials.
	otherClient *platform.Client
	managers    *managerGroup
	journal     journal
	// hostile is nil where no hostile tenant acts.
	hostile *hostile
	// faultsEnded is when the last fault was injected.
	faultsEnded time.Time
}

func newScene(t *testing.T, managers int, hostile bool) *scene {
	t.Helper()
	ctx := t.Context()
	w := &scene{}
	must(t, w.startPlatform(t))
	must(t, w.createObjects(ctx))
	must(t, w.connectOtherClient())
	if hostile {
		must(t, w.addHostileTenant(ctx))
		must(t, w.hostile.addForeignWebhooks(ctx))
	}
	group, err := w.startManagers(ctx, managers)
	must(t, err)
	w.managers = group
	t.Cleanup(func() {
		if err := group.stopAll(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *scene) startPlatform(t *testing.T) (err error) {
	w.platform, err = harness.StartSimulator(t.Context(), t.TempDir(), "--insecure-callbacks", "--verbose")
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := w.platform.Kill(); err != nil {
			t.Error(err)
		}
	})
	return nil
}

// connectOtherClient makes another client with the same credentials.
func (w *scene) connectOtherClient() (err error) {
	w.otherClient, err = platform.New(platform.Options{
		APIURL: w.platform.URL, TokenURL: w.platform.TokenURL(), OAuthScope: "itwin-platform", UserAgent: "other-client",
		Credentials: platform.Credentials{ClientID: w.namespace, ClientSecret: clientSecret},
		Limits:      platform.Limits{PerMinute: callsAMinute, InFlight: userCount},
	})
	return err
}

// createObjects makes the namespace, its connection, and the Secrets that users manage.
func (w *scene) createObjects(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "chaos-"}}
	if err := plane.Client.Create(ctx, namespace); err != nil {
		return err
	}
	w.namespace = namespace.Name
	objects := []client.Object{
		w.secret(credentials, map[string]string{"clientId": w.namespace, "clientSecret": clientSecret}),
		&itwinv1alpha1.Connection{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "default"},
			Spec: itwinv1alpha1.ConnectionSpec{
				APIURL: w.platform.URL, TokenURL: w.platform.TokenURL(),
				CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: credentials},
				PollInterval:         metav1.Duration{Duration: 10 * time.Second},
				RateLimit:            itwinv1alpha1.RateLimit{RequestsPerMinute: callsAMinute},
			},
		},
	}
	random := w.random(streamSecrets)
	for i := range ownSecrets {
		objects = append(objects, w.secret(ownSecret(i), map[string]string{itwinv1alpha1.DefaultSecretKey: randomText(random)}))
	}
	var err error
	for _, o := range objects {
		err = errors.Join(err, plane.Client.Create(ctx, o))
	}
	return err
}

func (w *scene) secret(name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, StringData: data}
}

// random is one stream of random numbers.
func (w *scene) random(stream int) *rand.Rand { return rand.New(rand.NewPCG(*seed, uint64(stream))) }

func (w *scene) deleteAll(ctx context.Context) error {
	return plane.Client.DeleteAllOf(ctx, &itwinv1alpha1.Webhook{}, client.InNamespace(w.namespace))
}

// history is all that was noted of a Webhook, or of a remote webhook that belongs to none.
func (w *scene) history(about string) string {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Timeout)
	defer cancel()
	events, ids := w.events(ctx, about)
	words := append(ids, about)
	var text strings.Builder
	fmt.Fprintf(&text, "--- actions:\n%s\n--- Events:\n%s\n--- the simulator about %q:\n%s",
		w.journal.of(about), events, words, linesWith(w.platform.Output(), words))
	outputs := w.managers.outputs()
	for _, path := range slices.Sorted(maps.Keys(outputs)) {
		fmt.Fprintf(&text, "--- %s:\n%s", path, linesWith(outputs[path], words))
	}
	return text.String()
}

// events are those that concern a name or mention an id, and the ids of remote webhooks that they mention.
func (w *scene) events(ctx context.Context, about string) (text string, ids []string) {
	var all eventsv1.EventList
	if err := plane.Client.List(ctx, &all, client.InNamespace(w.namespace)); err != nil {
		return err.Error(), nil
	}
	var lines []string
	for _, event := range all.Items {
		if event.Regarding.Name != about && !strings.Contains(event.Note, about) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", event.EventTime.UTC().Format("15:04:05.000"),
			event.Regarding.Name, event.Reason, event.Note))
		ids = append(ids, identifiers.FindAllString(event.Note, -1)...)
	}
	slices.Sort(lines)
	slices.Sort(ids)
	return strings.Join(lines, "\n"), slices.Compact(ids)
}
