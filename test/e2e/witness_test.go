package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// witness computes the kstatus of every version of the scene's Webhooks and connections, as the API server's watch
// sends them.
type witness struct {
	*scene

	mu   sync.Mutex
	seen map[string][]sight
	// ended is why a watch ended before its time.
	ended error
}

// sight is one version of an object.
type sight struct {
	status status.Status
	what   string
}

// watchAll begins to watch, before anything is applied.
func (s *scene) watchAll() *witness {
	s.Helper()
	w := &witness{scene: s, seen: map[string][]sight{}}
	w.watch(&itwinv1alpha1.WebhookList{}, client.InNamespace(s.Namespace))
	w.watch(&itwinv1alpha1.ConnectionList{}, client.InNamespace(s.Namespace))
	w.watch(&itwinv1alpha1.ClusterConnectionList{}, client.MatchingFields{"metadata.name": s.Namespace})
	return w
}

func (w *witness) watch(list client.ObjectList, which client.ListOption) {
	w.Helper()
	watcher, err := plane.Client.Watch(w.Ctx, list, which)
	w.Must(err)
	w.Cleanup(watcher.Stop)
	go func() {
		for event := range watcher.ResultChan() {
			w.note(event)
		}
		if w.Ctx.Err() == nil {
			w.fail(fmt.Errorf("the watch of %T ended", list))
		}
	}()
}

func (w *witness) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = err
}

func (w *witness) note(event watch.Event) {
	o, is := event.Object.(client.Object)
	if !is || event.Type != watch.Added && event.Type != watch.Modified {
		if event.Type == watch.Error {
			w.fail(fmt.Errorf("watch: %v", event.Object))
		}
		return
	}
	found, err := kstatusOf(o)
	if err != nil {
		w.fail(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := fmt.Sprintf("%T %s", o, o.GetName())
	w.seen[name] = append(w.seen[name], sight{found.Status, fmt.Sprintf("%s: %s", found.Status, found.Message)})
}

// expectCurrent waits until so many objects were seen and the last version of each is Current, and fails if any
// version before was Failed.
func (w *witness) expectCurrent(objects int) {
	w.Helper()
	w.Eventually(func(g Gomega) {
		w.mu.Lock()
		defer w.mu.Unlock()
		g.Expect(w.ended).NotTo(HaveOccurred())
		g.Expect(w.seen).To(HaveLen(objects))
		for name, versions := range w.seen {
			g.Expect(versions[len(versions)-1].status).To(Equal(status.CurrentStatus), "%s: %v", name, versions)
		}
	}).Should(Succeed())
	w.expectNone(status.FailedStatus)
}

// expectNone fails if a version that was seen so far has a status.
func (w *witness) expectNone(unwanted status.Status) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, versions := range w.seen {
		has := slices.ContainsFunc(versions, func(s sight) bool { return s.status == unwanted })
		w.Expect(has).To(BeFalse(), "%s was %s: %v", name, unwanted, versions)
	}
}

// expectMentioned waits until the kstatus of a version contains a text: the operator has met what that is about.
func (w *witness) expectMentioned(text string) {
	w.Helper()
	w.Eventually(func() (all []string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, versions := range w.seen {
			for _, s := range versions {
				all = append(all, s.what)
			}
		}
		return all
	}).Should(ContainElement(ContainSubstring(text)))
}

// kstatusOf is what GitOps tools make of an object.
func kstatusOf(o client.Object) (*status.Result, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	gvk, err := plane.Client.GroupVersionKindFor(o)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(gvk)
	return status.Compute(u)
}

// observed waits until the operator has told of the current spec of every Webhook and connection that exists.
func (s *scene) observed(ctx context.Context) {
	s.Helper()
	s.Eventually(func(g Gomega) {
		var webhooks itwinv1alpha1.WebhookList
		g.Expect(plane.Client.List(ctx, &webhooks, client.InNamespace(s.Namespace))).To(Succeed())
		for _, w := range webhooks.Items {
			g.Expect(w.Status.ObservedGeneration).To(Equal(w.Generation), "Webhook %s", w.Name)
		}
		var connections itwinv1alpha1.ConnectionList
		g.Expect(plane.Client.List(ctx, &connections, client.InNamespace(s.Namespace))).To(Succeed())
		for _, c := range connections.Items {
			g.Expect(c.Status.ObservedGeneration).To(Equal(c.Generation), "Connection %s", c.Name)
		}
	}).Should(Succeed())
}
