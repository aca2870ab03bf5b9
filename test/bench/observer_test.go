package bench

import (
	"sync"
	"time"

	. "github.com/onsi/gomega"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// observer watches the Webhooks of a namespace as a user would, and remembers the last state of each.
type observer struct {
	mu      sync.Mutex
	last    map[string]*itwinv1alpha1.Webhook
	waiting map[string]sighting
}

// sighting is the wait for a Webhook to be as the test wants it.
type sighting struct {
	wanted func(*itwinv1alpha1.Webhook) bool
	at     chan time.Time
}

// observe starts to watch until the test ends.
func (s *scene) observe(namespace string) *observer {
	s.Helper()
	o := &observer{last: map[string]*itwinv1alpha1.Webhook{}, waiting: map[string]sighting{}}
	watched, err := cache.New(s.plane.Config, cache.Options{
		Scheme: s.plane.Client.Scheme(), DefaultNamespaces: map[string]cache.Config{namespace: {}},
		DefaultTransform: cache.TransformStripManagedFields(),
	})
	s.must(err)
	informer, err := watched.GetInformer(s.ctx, &itwinv1alpha1.Webhook{}, cache.BlockUntilSynced(false))
	s.must(err)
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    o.see,
		UpdateFunc: func(_, now any) { o.see(now) },
		DeleteFunc: o.miss,
	})
	s.must(err)
	go func() { _ = watched.Start(s.ctx) }()
	s.Expect(watched.WaitForCacheSync(s.ctx)).To(BeTrue())
	return o
}

func (o *observer) see(object any) {
	w := object.(*itwinv1alpha1.Webhook)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last[w.Name] = w
	if s, waits := o.waiting[w.Name]; waits && s.wanted(w) {
		s.at <- time.Now()
		delete(o.waiting, w.Name)
	}
}

func (o *observer) miss(object any) {
	if unseen, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = unseen.Obj
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.last, object.(*itwinv1alpha1.Webhook).Name)
}

// expect is told when a Webhook is next seen to be as wanted.
func (o *observer) expect(name string, wanted func(*itwinv1alpha1.Webhook) bool) <-chan time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := make(chan time.Time, 1)
	o.waiting[name] = sighting{wanted: wanted, at: at}
	return at
}

// count counts the Webhooks that are as wanted.
func (o *observer) count(wanted func(*itwinv1alpha1.Webhook) bool) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.last {
		if wanted(w) {
			n++
		}
	}
	return n
}

// idOf is the remote webhook of a Webhook.
func (o *observer) idOf(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last[name].Status.WebhookID
}

// isReady reports whether the status speaks of the current spec and says that the platform has it.
func isReady(w *itwinv1alpha1.Webhook) bool {
	return w.Status.ObservedGeneration == w.Generation &&
		apimeta.IsStatusConditionTrue(w.Status.Conditions, itwinv1alpha1.ReadyCondition)
}

func exists(*itwinv1alpha1.Webhook) bool { return true }
