package fleet_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// slowRemote is a platform whose calls take their time, before and after they take effect, and now and then fail at
// either moment. A list reads one webhook after the other. Every change makes a webhook's revision, which is the time
// of its modification in milliseconds, higher.
type slowRemote struct {
	mu       sync.Mutex
	random   *rand.Rand
	webhooks map[string]platform.Webhook
	created  int
	reliable bool
}

func (r *slowRemote) chance(percent int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.IntN(100) < percent
}

func (r *slowRemote) delay() {
	r.mu.Lock()
	d := time.Duration(r.random.IntN(20)) * time.Millisecond
	r.mu.Unlock()
	time.Sleep(d) // in the bubble's time
}

func (r *slowRemote) fails() bool {
	return r.chance(2) && !r.reliable
}

func (r *slowRemote) call(effect func() error) error {
	r.delay()
	if r.fails() {
		return errUnavailable
	}
	r.mu.Lock()
	err := effect()
	r.mu.Unlock()
	r.delay()
	if r.fails() {
		return errReset
	}
	return err
}

func (r *slowRemote) Create(
	_ context.Context, _ platform.Priority, request platform.CreateRequest,
) (w platform.Webhook, err error) {
	err = r.call(func() error {
		r.created++
		w = webhook(fmt.Sprintf("w-%d", r.created))
		w.CallbackURL = request.CallbackURL
		r.webhooks[w.ID] = w
		return nil
	})
	return orNothing(w, err)
}

func orNothing(w platform.Webhook, err error) (platform.Webhook, error) {
	if err != nil {
		return platform.Webhook{}, err
	}
	return w, nil
}

func (r *slowRemote) Get(_ context.Context, _ platform.Priority, id string) (w platform.Webhook, err error) {
	err = r.call(func() (err error) {
		w, err = r.find(id)
		return err
	})
	return orNothing(w, err)
}

func (r *slowRemote) Update(
	_ context.Context, _ platform.Priority, id string, _ platform.Patch,
) (w platform.Webhook, err error) {
	err = r.call(func() (err error) {
		w, err = r.changed(id)
		return err
	})
	return orNothing(w, err)
}

func (r *slowRemote) Delete(_ context.Context, _ platform.Priority, id string) error {
	return r.call(func() error {
		_, err := r.find(id)
		delete(r.webhooks, id)
		return err
	})
}

func (r *slowRemote) List(context.Context, platform.Known) (l platform.Listing, err error) {
	r.delay()
	r.mu.Lock()
	ids := slices.Sorted(maps.Keys(r.webhooks))
	r.mu.Unlock()
	for _, id := range ids {
		r.mu.Lock()
		if w, err := r.find(id); err == nil {
			l.Webhooks = append(l.Webhooks, w)
		}
		r.mu.Unlock()
		if r.chance(10) {
			r.delay()
		}
	}
	r.delay()
	if r.fails() {
		return platform.Listing{}, errGarbage
	}
	return l, nil
}

func (r *slowRemote) Ready(platform.Priority) error { return nil }

func (r *slowRemote) find(id string) (platform.Webhook, error) {
	if w, ok := r.webhooks[id]; ok {
		return w, nil
	}
	return platform.Webhook{}, errNotFound
}

func (r *slowRemote) changed(id string) (platform.Webhook, error) {
	w, err := r.find(id)
	if err == nil {
		w.Active = !w.Active
		w.Modified = w.Modified.Add(time.Millisecond)
		r.webhooks[id] = w
	}
	return w, err
}

// meddle changes or deletes something without a call of the fleet.
func (r *slowRemote) meddle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.webhooks {
		if r.random.IntN(4) == 0 {
			delete(r.webhooks, id)
		} else {
			_, _ = r.changed(id)
		}
		return
	}
}

func (r *slowRemote) truth(id string) (platform.Webhook, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.webhooks[id]
	return w, ok
}

// tenant owns one webhook at a time and knows what must be true of the snapshot.
type tenant struct {
	*WithT
	model  *model
	owner  fleet.Owner
	random *rand.Rand

	// busy is held during a call about the webhook. No call waits for it: a caller that does not get it skips the tenant.
	busy sync.Mutex
	id   string
	// revision that a call has returned, or a snapshot has shown: nothing older may show any more.
	revision time.Time
	// deleted is set when a call has returned that it is gone.
	deleted bool
	// seen is the snapshot when the tenant last looked.
	seen view
}

type view struct {
	webhook  platform.Webhook
	presence fleet.Presence
}

type model struct {
	*WithT
	remote  *slowRemote
	fleet   account
	tenants []*tenant
	// pollers is how many poll. With more than one, and with another reader of webhooks, a snapshot can change before
	// its tenant is told.
	pollers uint64
	end     time.Time
}

func (w *model) over() bool { return time.Now().After(w.end) }

func TestTheSnapshotNeverContradictsWhatIsKnown(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newModel(t, seed).run(t, seed) })
		})
	}
}

func newModel(t *testing.T, seed uint64) *model {
	w := &model{
		WithT:   NewWithT(t),
		remote:  &slowRemote{random: rand.New(rand.NewPCG(seed, 0)), webhooks: map[string]platform.Webhook{}},
		pollers: 1 + seed%2,
		end:     time.Now().Add(10 * time.Second),
	}
	w.fleet = newAccount(w.remote, clock.RealClock{}, func() {})
	for i := range 5 {
		w.tenants = append(w.tenants, &tenant{
			WithT: w.WithT, model: w, owner: fleet.Owner(fmt.Sprint("tenant-", i)),
			random: rand.New(rand.NewPCG(seed, uint64(i)+1)),
		})
	}
	return w
}

func (w *model) run(t *testing.T, seed uint64) {
	var group sync.WaitGroup
	for _, tenant := range w.tenants {
		group.Go(tenant.live)
	}
	for i := range w.pollers {
		random := rand.New(rand.NewPCG(seed, 100+i))
		group.Go(func() {
			for !w.over() {
				w.poll(t)
				time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			}
		})
	}
	group.Go(func() {
		for !w.over() {
			w.remote.meddle()
			time.Sleep(70 * time.Millisecond)
		}
	})
	if w.pollers > 1 {
		random := rand.New(rand.NewPCG(seed, 200))
		group.Go(func() {
			for !w.over() {
				if created := w.created(); created > 0 {
					_ = w.fleet.Confirm(t.Context(), platform.Priority{}, fmt.Sprintf("w-%d", 1+random.IntN(created)))
				}
				time.Sleep(time.Duration(random.IntN(10)) * time.Millisecond)
			}
		})
	}
	group.Wait()
	w.settle(t)
}

func (w *model) created() int {
	w.remote.mu.Lock()
	defer w.remote.mu.Unlock()
	return w.remote.created
}

// poll lists, and checks that a tenant that is not enqueued by it has nothing new to see.
func (w *model) poll(t *testing.T) {
	changes, err := w.fleet.Poll(t.Context())
	if err != nil {
		return
	}
	for _, tenant := range w.tenants {
		if tenant.busy.TryLock() {
			tenant.hear(changes)
		}
	}
}

// hear checks that a tenant that is not enqueued has nothing new to see. It gives the tenant free again.
func (t *tenant) hear(changes fleet.Changes) {
	defer t.busy.Unlock()
	if t.id != "" && t.model.pollers == 1 && !slices.Contains(idsOf(changes.Webhooks), t.id) {
		now := t.view()
		confirmed := t.seen.presence == fleet.Absent && now.presence == fleet.Gone
		forgotten := t.seen.presence == fleet.Gone && now.presence == fleet.Missing
		if confirmed || forgotten {
			now = t.seen // an owner that waits for a list asks to be told of it; one that asks later reads it again
		}
		t.Expect(now).To(Equal(t.seen), "%s changed and the tenant was not told", t.id)
	}
	t.look()
}

// settle lets the platform be reliable, and checks that the snapshot becomes equal to it.
func (w *model) settle(t *testing.T) {
	w.remote.reliable = true
	for range 2 {
		_, err := w.fleet.Poll(t.Context())
		w.Expect(err).NotTo(HaveOccurred())
	}
	w.Expect(w.fleet.Failure()).NotTo(HaveOccurred())
	for id, truth := range w.remote.webhooks {
		shown, presence := w.fleet.Lookup(id)
		w.Expect(presence).To(Equal(fleet.Present))
		w.Expect(shown).To(Equal(truth))
	}
	w.Expect(w.fleet.IDs()).To(ConsistOf(slices.Collect(maps.Keys(w.remote.webhooks))))
	for _, tenant := range w.tenants {
		tenant.look()
		if tenant.id == "" || tenant.seen.presence == fleet.Present {
			continue
		}
		w.Expect(w.fleet.Confirm(t.Context(), platform.Priority{}, tenant.id)).To(Succeed())
		_, err := w.fleet.Poll(t.Context())
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(tenant.view().presence).To(Equal(fleet.Gone))
	}
}

// live creates webhooks, changes, reads and deletes them, until the end of the run.
func (t *tenant) live() {
	for !t.model.over() {
		t.turn()
		time.Sleep(time.Duration(t.random.IntN(40)) * time.Millisecond)
	}
}

func (t *tenant) turn() {
	t.busy.Lock()
	defer t.busy.Unlock()
	if t.id == "" {
		t.create()
	} else {
		t.act()
	}
	t.look()
}

func (t *tenant) create() {
	w, err := t.model.fleet.Create(context.Background(), platform.Priority{}, t.owner, request())
	if err == nil {
		t.id, t.revision, t.deleted = w.ID, w.Modified, false
	}
}

func (t *tenant) act() {
	ctx, f := context.Background(), t.model.fleet
	var err error
	switch n := t.random.IntN(10); {
	case n == 0 && t.deleted:
		f.Release(t.id, t.owner)
		t.id = ""
		return
	case n == 0:
		if err = f.Delete(ctx, platform.Priority{}, t.id); err == nil {
			t.deleted = true
		}
	case n < 3:
		err = f.Confirm(ctx, platform.Priority{}, t.id)
	case n < 8:
		var w platform.Webhook
		if w, err = f.Update(ctx, platform.Priority{}, t.id, platform.Patch{}); err == nil {
			t.Expect(w.Modified).NotTo(BeTemporally("<", t.revision))
			t.revision = w.Modified
		}
	}
	if platform.IsNotFound(err) {
		t.deleted = true
	}
}

func (t *tenant) view() view {
	w, presence := t.model.fleet.Lookup(t.id)
	return view{w, presence}
}

// look checks the snapshot against what is known and what is true.
func (t *tenant) look() {
	t.seen = t.view()
	if t.id == "" {
		return
	}
	switch _, exists := t.model.remote.truth(t.id); t.seen.presence {
	case fleet.Present:
		t.Expect(t.deleted).To(BeFalse(), "%s came back", t.id)
		t.Expect(t.seen.webhook.Modified).NotTo(BeTemporally("<", t.revision), "%s went back in time", t.id)
		t.revision = t.seen.webhook.Modified
	case fleet.Missing:
		t.Expect(exists).To(BeFalse(), "%s was believed to be missing", t.id)
	case fleet.Absent, fleet.Gone:
		t.Expect(exists).To(BeFalse(), "%s was believed to be gone", t.id)
		t.deleted = true
	default:
		t.Expect(t.seen.presence).To(BeNil())
	}
}
