package simtest

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/connection"
	"webhook-operator.io/itwin/internal/proof"
	"webhook-operator.io/itwin/simulator"
)

const (
	crashNamespace  = "digital-twin"
	crashConnection = "default"
	crashClientID   = "service-app"
	crashITwin      = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"

	// pollEvery is the connection's interval.
	pollEvery = 20 * time.Second
	// How long calls take, each way, and watch events.
	remoteLatency  = 10 * time.Millisecond
	clusterLatency = 2 * time.Millisecond
	watchLatency   = 5 * time.Millisecond

	// countedFor is how long the points of a process are counted; a poll lies in it. settleFor is what a process is
	// given to put everything right: the grace period, what may come late after it, and two polls.
	countedFor = 25 * time.Second
	settleFor  = 45 * time.Second
	// downtime lies between the end of one process and the start of the next.
	downtime = 500 * time.Millisecond
	// maxTurns bounds what happens in one run of a simulation: more is an endless loop.
	maxTurns = 100_000
)

// crashKey is the operator key of every process.
var crashKey = proof.NewKey([]byte("0123456789abcdef0123456789abcdef"))

// simulation is everything there is: a cluster, a platform, processes of the operator, and time, which is virtual.
type simulation struct {
	t        *testing.T
	cluster  *cluster
	platform *simulator.Simulator
	agenda   agenda
	yielded  chan struct{}
	// running is the fiber that has the turn.
	running   *fiber
	processes []*process
	// successors are the faults of the processes to come.
	successors [][]disruption
	// foreignWebhooks are webhooks that no Webhook may ever touch, as they were.
	foreignWebhooks map[string]simulator.Webhook
	// importedSecrets are the secrets that receivers of webhooks made by hand verify with, by id.
	importedSecrets map[string]string
	// denied are the requests that the API server refuses, such as "create Secret".
	denied map[string]error
	// denials counts how often it did.
	denials int
	// restless is true when the platform moves times of modification without a change.
	restless bool
	// clusterWide is true where the operator serves the whole cluster, and ClusterConnections.
	clusterWide bool
	// allowHost is the operator's check of hosts; nil allows any.
	allowHost func(host string) error
	// onEvent takes each Event, and platformProxy answers each request to the platform, where they are not nil.
	onEvent       func(about runtime.Object, text string)
	platformProxy func(*http.Request, func(*http.Request) *http.Response) *http.Response
	// onCall takes each call to the platform when it is sent, and failing answers it instead of the platform or says how
	// it fails, where they are not nil.
	onCall  func(route string)
	failing func(*http.Request) (*http.Response, error)
	// logger is the log of every process.
	logger logr.Logger
	// most is how many webhooks the platform ever had at the same time, beside the foreignWebhooks.
	most int
	// remoteHistory is what the platform's webhooks have been, and lies are the writes of a status that it contradicts.
	remoteHistory remoteHistory
	lies          []string
	// leftOut is the watch that no process has; zero when there is none.
	leftOut watchNumber
}

// watchNumber names a watch: the controller that has it, and its place in the table of that.
type watchNumber struct {
	controller string
	number     int
}

// inSimulation runs a test in a new simulation.
func inSimulation(t *testing.T, test func(*simulation)) {
	synctest.Test(t, func(t *testing.T) {
		w := newSimulation(t)
		defer w.destroy()
		test(w)
		if len(w.lies) > 0 {
			t.Errorf("a status was written that was not true:\n\t%s\n%s", strings.Join(w.lies, "\n\t"), w.story())
		}
	})
}

func newSimulation(t *testing.T) *simulation {
	platform, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &simulation{
		t: t, platform: platform, yielded: make(chan struct{}), foreignWebhooks: map[string]simulator.Webhook{},
		importedSecrets: map[string]string{},
		logger:          logr.Discard(), remoteHistory: remoteHistory{},
	}
	w.cluster = newCluster(w)
	w.credentials("credentials", crashClientID, "pair")
	w.cluster.add(&itwinv1alpha1.Connection{
		ObjectMeta: metav1.ObjectMeta{Namespace: crashNamespace, Name: crashConnection},
		Spec: itwinv1alpha1.ConnectionSpec{
			APIURL: platformURL, TokenURL: platformURL + "/connect/token", OAuthScope: "itwin-platform",
			CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: "credentials"},
			PollInterval:         metav1.Duration{Duration: pollEvery},
			RateLimit:            itwinv1alpha1.RateLimit{RequestsPerMinute: 100_000},
		},
		Status: itwinv1alpha1.ConnectionStatus{ObservedGeneration: -1},
	})
	return w
}

// destroy ends all processes, so that no goroutine is left.
func (w *simulation) destroy() {
	for _, p := range w.processes {
		p.kill()
	}
	w.run(0)
	w.must(w.platform.Close())
}

func (w *simulation) must(err error) {
	if err != nil {
		panic(err)
	}
}

// in plans something.
func (w *simulation) in(d time.Duration, name string, do func()) {
	w.inRanked(d, w.agenda.rank(), name, do)
}

func (w *simulation) inRanked(d time.Duration, rank uint64, name string, do func()) {
	w.agenda.plan(time.Now().Add(d), rank, name, do)
}

// run lets happen what happens in a while.
func (w *simulation) run(d time.Duration) {
	until := time.Now().Add(d)
	for turn := 0; ; turn++ {
		next, ok := w.agenda.next(until)
		if !ok {
			break
		}
		if turn == maxTurns {
			w.t.Fatalf("there is no end to it: %q", next.name)
		}
		sleepUntil(next.at)
		next.do()
	}
	sleepUntil(until)
}

// succeed starts the next process after a while.
func (w *simulation) succeed(gap time.Duration) {
	var faults []disruption
	if len(w.successors) > 0 {
		faults, w.successors = w.successors[0], w.successors[1:]
	}
	w.in(gap, "", func() { w.start(faults...).count() })
}

// keepForeign notes a webhook of the platform that no Webhook may ever touch.
func (w *simulation) keepForeign(id string) {
	for _, webhook := range w.platform.Webhooks() {
		if webhook.ID == id {
			w.foreignWebhooks[id] = webhook
		}
	}
}

// newWebhook is an object as the API server's defaults make it.
func newWebhook(name string, changes ...func(*itwinv1alpha1.Webhook)) *itwinv1alpha1.Webhook {
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: crashNamespace, Name: name},
		Spec: itwinv1alpha1.WebhookSpec{
			ConnectionRef: itwinv1alpha1.ConnectionReference{
				Kind: itwinv1alpha1.ConnectionKindNamespaced,
				Name: crashConnection,
			},
			CallbackURL:        callbackOf(name),
			Scope:              itwinv1alpha1.ITwinScope,
			ScopeID:            crashITwin,
			EventTypes:         []string{"iModels.iModelDeleted.v1", "iTwins.iTwinCreated.v1"},
			Active:             new(true),
			ReactivationPolicy: itwinv1alpha1.ReactivateAlways,
			DeletionPolicy:     itwinv1alpha1.DeleteRemote,
			AdoptionPolicy:     itwinv1alpha1.AdoptNever,
		},
		Status: itwinv1alpha1.WebhookStatus{ObservedGeneration: -1},
	}
	for _, change := range changes {
		change(w)
	}
	return w
}

func callbackOf(name string) string { return "https://" + name + ".example.com/itwin" }

// credentials makes or changes the Secret of a connection.
func (w *simulation) credentials(secret, clientID, clientSecret string) {
	w.cluster.setSecret(secret, map[string]string{
		connection.ClientIDKey: clientID, connection.ClientSecretKey: clientSecret,
	})
}
