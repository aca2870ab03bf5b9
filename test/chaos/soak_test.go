package chaos

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

const (
	hostileAccounts   = 100
	hostileNamespaces = 10
	// hostileWebhooks is how many Webhooks each hostile account has.
	hostileWebhooks = 4
	// soakPause lies between two new Webhooks of the sound tenant.
	soakPause = time.Second
	// soakSamples is how many new Webhooks are timed while the sound tenant is alone.
	soakSamples = 9

	// mostDelay is by how much a hundred hostile accounts may delay a sound one, and mostMemory how much memory the
	// operator may have with all of them: its budget for 10,000 Webhooks, and 64 MiB.
	mostDelay  = time.Second
	mostMemory = (150 + 64) << 20

	soakInterval = 10 * time.Second
)

// soak is a sound tenant beside a hundred accounts that are dead, slow, huge or lying.
type soak struct {
	*scene
	manager *harness.Manager
	hostile []string // namespaces
	made    int
	// resident is the most memory that was seen.
	resident atomic.Int64
}

func TestSoak(t *testing.T) {
	s := &soak{scene: &scene{}}
	must(t, s.startPlatform(t))
	must(t, s.createObjects(t.Context()))
	flags := []string{"--watch-namespace=" + s.namespace}
	for range hostileNamespaces {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "soak-"}}
		must(t, plane.Client.Create(t.Context(), namespace))
		s.hostile = append(s.hostile, namespace.Name)
		flags = append(flags, "--watch-namespace="+namespace.Name)
	}
	manager, err := plane.StartManager(t.Context(), flags...)
	must(t, err)
	s.manager = manager
	t.Cleanup(func() {
		if err := manager.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.watchMemory(t)

	var alone, beside []time.Duration
	for range soakSamples {
		alone = append(alone, s.newcomer(t))
		time.Sleep(soakPause)
	}
	before := s.resident.Load()
	s.addHostile(t, startHostilePlatforms(t))
	must(t, s.platform.ResetRequests(t.Context()))
	began := time.Now()
	for time.Since(began) < *duration || len(beside) < soakSamples {
		beside = append(beside, s.newcomer(t))
		time.Sleep(soakPause)
	}
	lists := s.lists(t)
	elapsed := time.Since(began)
	t.Logf("seconds: alone %.2v, beside %.2v", seconds(alone), seconds(beside))
	slices.Sort(alone)
	slices.Sort(beside)
	t.Logf("a new Webhook of the sound tenant is Ready after: alone %s, longest %s; beside %d hostile accounts %s, longest %s"+
		" (medians of %d and %d)", median(alone), alone[len(alone)-1], hostileAccounts, median(beside),
		beside[len(beside)-1], len(alone), len(beside))
	t.Logf("its account was listed %d times in %s; memory: %d MiB at most, %d before the hostile accounts; processor: %s",
		lists, elapsed.Round(time.Second), s.resident.Load()>>20, before>>20, processorTime(s.manager.Pid()))
	if d := median(beside) - median(alone); d >= mostDelay {
		t.Errorf("the hostile accounts delay a sound one by %s", d)
	}
	if most := int(elapsed/soakInterval) + 2; lists > most || lists < most/2 {
		t.Errorf("the account was listed %d times in %s", lists, elapsed)
	}
	if most := s.resident.Load(); most > mostMemory {
		t.Errorf("the operator had %d MiB", most>>20)
	}
	s.rests(t)
	if found := linesWith(manager.Output(), []string{"panic"}); found != "" {
		t.Errorf("%s:\n%s", manager.OutputPath(), found)
	}
}

func seconds(all []time.Duration) (seconds []float64) {
	for _, d := range all {
		seconds = append(seconds, d.Seconds())
	}
	return seconds
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// newcomer makes a Webhook of the sound tenant, and returns after how long it is Ready.
func (s *soak) newcomer(t *testing.T) time.Duration {
	t.Helper()
	s.made++
	w := &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: fmt.Sprintf("sound-%d", s.made)},
		Spec:       webhookSpec("default", fmt.Sprintf("https://hooks.example.com/sound-%d", s.made)),
	}
	ctx, cancel := context.WithTimeout(t.Context(), *settleTimeout)
	defer cancel()
	watch, err := plane.Client.Watch(ctx, &itwinv1alpha1.WebhookList{},
		client.InNamespace(s.namespace), client.MatchingFields{"metadata.name": w.Name})
	must(t, err)
	defer watch.Stop()
	began := time.Now()
	must(t, plane.Client.Create(ctx, w))
	for event := range watch.ResultChan() {
		if o, is := event.Object.(*itwinv1alpha1.Webhook); is &&
			apimeta.IsStatusConditionTrue(o.Status.Conditions, itwinv1alpha1.ReadyCondition) {
			return time.Since(began)
		}
	}
	t.Fatalf("%s is not Ready after %s", w.Name, time.Since(began))
	return 0
}

func webhookSpec(connection, callback string) itwinv1alpha1.WebhookSpec {
	return itwinv1alpha1.WebhookSpec{
		ConnectionRef: itwinv1alpha1.ConnectionReference{Name: connection}, Scope: itwinv1alpha1.ITwinScope, ScopeID: iTwin,
		CallbackURL: callback, EventTypes: eventTypes[:1],
	}
}

// addHostile makes the hostile accounts and their Webhooks.
func (s *soak) addHostile(t *testing.T, p *hostilePlatforms) {
	t.Helper()
	for i := range hostileAccounts {
		name, namespace := fmt.Sprintf("account-%d", i), s.hostile[i%hostileNamespaces]
		api, token := p.urls(hostileKinds[i/hostileNamespaces%len(hostileKinds)])
		secret := s.secret(name, map[string]string{"clientId": name, "clientSecret": clientSecret})
		secret.Namespace = namespace
		must(t, plane.Client.Create(t.Context(), secret))
		must(t, plane.Client.Create(t.Context(), &itwinv1alpha1.Connection{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec: itwinv1alpha1.ConnectionSpec{
				APIURL: api, TokenURL: token, CredentialsSecretRef: itwinv1alpha1.CredentialsReference{Name: name},
				PollInterval: metav1.Duration{Duration: soakInterval},
				RateLimit:    itwinv1alpha1.RateLimit{RequestsPerMinute: callsAMinute},
			},
		}))
		for j := range hostileWebhooks {
			must(t, plane.Client.Create(t.Context(), &itwinv1alpha1.Webhook{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", name, j)},
				Spec:       webhookSpec(name, fmt.Sprintf("https://hooks.example.com/%s-%d", name, j)),
			}))
		}
	}
}

// lists counts the lists of the sound account.
func (s *soak) lists(t *testing.T) int {
	t.Helper()
	requests, err := s.platform.Requests(t.Context())
	must(t, err)
	return requests.Counts["GET /webhooks"]
}

// rests checks that nothing of the sound tenant is written while it asks for nothing.
func (s *soak) rests(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	versions := func() (all []string) {
		var webhooks itwinv1alpha1.WebhookList
		var connections itwinv1alpha1.ConnectionList
		must(t, plane.Client.List(ctx, &webhooks, client.InNamespace(s.namespace)))
		must(t, plane.Client.List(ctx, &connections, client.InNamespace(s.namespace)))
		for _, w := range webhooks.Items {
			all = append(all, w.Name+" "+w.ResourceVersion)
		}
		for _, c := range connections.Items {
			all = append(all, c.Name+" "+c.ResourceVersion)
		}
		return all
	}
	wait := func(lists int) {
		must(t, s.platform.ResetRequests(ctx))
		must(t, harness.Until(ctx, "the sound account is listed", func(context.Context) error {
			if n := s.lists(t); n < lists {
				return fmt.Errorf("%d lists", n)
			}
			return nil
		}))
	}
	wait(2) // the connection counts its Webhooks at the next list
	before := versions()
	wait(3)
	if now := versions(); !slices.Equal(now, before) {
		t.Errorf("at rest %v became %v", before, now)
	}
	requests, err := s.platform.Requests(ctx)
	must(t, err)
	for call, n := range requests.Counts {
		if n > 0 && call != "GET /webhooks" && !strings.Contains(call, "token") {
			t.Errorf("at rest the sound account had %d calls %s", n, call)
		}
	}
}

// watchMemory keeps the most memory that the operator has resident.
func (s *soak) watchMemory(t *testing.T) {
	t.Helper()
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				s.resident.Store(max(s.resident.Load(), residentBytes(s.manager.Pid())))
			}
		}
	}()
}

// residentBytes is the memory that a process has resident.
func residentBytes(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(data))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// processorTime is how long a process has used a processor.
func processorTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, found := strings.Cut(string(data), ") ") // the name before it may hold spaces
	fields := strings.Fields(rest)
	if err != nil || !found || len(fields) < 13 {
		return 0
	}
	const tick = 10 * time.Millisecond
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}
