package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

// start is when every test begins.
var start = time.Date(2026, time.March, 1, 18, 25, 39, 0, time.UTC)

// What a platform answers.
var (
	errReset        = &platform.Error{Operation: "update webhook", Cause: errors.New("connection reset by peer")}
	errUnavailable  = &platform.Error{Operation: "update webhook", Status: 503}
	errGarbage      = &platform.Error{Operation: "update webhook", Status: 200, Cause: errors.New("unexpected end of JSON input")}
	errDial         = &platform.Error{Operation: "update webhook", Cause: errors.New("connection refused"), Outcome: platform.Refused}
	errProxy404     = &platform.Error{Operation: "update webhook", Status: 404}
	errUnauthorized = &platform.Error{Operation: "list webhooks", Status: 401, Code: "InvalidToken", Outcome: platform.Refused}
	errForbidden    = &platform.Error{Operation: "list webhooks", Status: 403, Code: "InsufficientPermissions", Outcome: platform.Refused}
	errNotFound     = &platform.Error{Operation: "get webhook", Status: 404, Code: "WebhookNotFound", Outcome: platform.Refused}
	errRefused      = &platform.Error{Operation: "update webhook", Status: 422, Code: "InvalidUpdateWebhookRequest", Outcome: platform.Refused}
	errLimited      = &platform.Error{Operation: "list webhooks", Status: 429, Code: "RateLimitExceeded", Outcome: platform.Refused, RetryAfter: 7 * time.Second}
	errThrottled    = &platform.ThrottledError{After: 10 * time.Millisecond}
	errClosedGate   = &platform.ThrottledError{After: 7 * time.Second, Closed: true}
)

// remote is a platform in memory. A test can step in at the two moments of a call that matter: before it takes effect,
// and when it has taken effect but its answer has not arrived.
type remote struct {
	mu       sync.Mutex
	webhooks map[string]platform.Webhook
	created  int
	calls    []string
	before   map[string][]func() error
	after    map[string][]func() error
	hidden   map[string]bool
	// odd changes what lists say.
	odd func(*platform.Listing)
	// unready is what Ready answers.
	unready error
}

func newRemote(ids ...string) *remote {
	r := &remote{
		webhooks: map[string]platform.Webhook{}, before: map[string][]func() error{}, after: map[string][]func() error{},
		hidden: map[string]bool{},
	}
	for _, id := range ids {
		r.webhooks[id] = webhook(id)
	}
	return r
}

// webhook is what a webhook looks like that nothing has happened to yet.
func webhook(id string) platform.Webhook {
	return platform.Webhook{
		ID: id, Scope: platform.ScopeAccount, ScopeID: "account", CallbackURL: "https://hooks.example.com/" + id,
		EventTypes: []string{"iModels.iModelDeleted.v1"}, Created: start, Modified: start,
	}
}

// beforeNext has something done when the next call of an operation arrives; an error becomes its answer.
func (r *remote) beforeNext(op string, do func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before[op] = append(r.before[op], do)
}

// afterNext has something done when the next call of an operation has taken effect; an error replaces its answer.
func (r *remote) afterNext(op string, do func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after[op] = append(r.after[op], do)
}

// fail makes the next call of an operation fail, without effect.
func (r *remote) fail(op string, err error) { r.beforeNext(op, func() error { return err }) }

// pause is a call that waits where the test stopped it.
type pause struct{ arrived, released chan struct{} }

func newPause() *pause { return &pause{make(chan struct{}), make(chan struct{})} }

func (p *pause) wait() error {
	close(p.arrived)
	<-p.released
	return nil
}

func (p *pause) release() { close(p.released) }

// pauseAnswer holds the answer of the next call of an operation back.
func (r *remote) pauseAnswer(op string) *pause {
	p := newPause()
	r.afterNext(op, p.wait)
	return p
}

func (r *remote) call(op, about string, effect func() error) error {
	r.mu.Lock()
	r.calls = append(r.calls, strings.TrimSpace(op+" "+about))
	r.mu.Unlock()
	if err := r.step(r.before, op); err != nil {
		return err
	}
	r.mu.Lock()
	result := effect()
	r.mu.Unlock()
	if err := r.step(r.after, op); err != nil {
		return err
	}
	return result
}

func (r *remote) step(steps map[string][]func() error, op string) error {
	r.mu.Lock()
	due := steps[op]
	if len(due) == 0 {
		r.mu.Unlock()
		return nil
	}
	steps[op] = due[1:]
	r.mu.Unlock()
	return due[0]()
}

func (r *remote) Create(
	_ context.Context, _ platform.Priority, request platform.CreateRequest,
) (w platform.Webhook, err error) {
	err = r.call("create", "", func() error {
		r.created++
		w = webhook(fmt.Sprintf("new-%d", r.created))
		w.Scope, w.ScopeID, w.CallbackURL = request.Scope, request.ScopeID, request.CallbackURL
		w.EventTypes = request.EventTypes
		r.webhooks[w.ID] = w
		return nil
	})
	if err != nil {
		return platform.Webhook{}, err
	}
	return w, nil
}

func (r *remote) Get(_ context.Context, _ platform.Priority, id string) (w platform.Webhook, err error) {
	err = r.call("get", id, func() (err error) {
		w, err = r.find(id)
		return err
	})
	if err != nil {
		return platform.Webhook{}, err
	}
	return w, nil
}

func (r *remote) Update(
	_ context.Context, _ platform.Priority, id string, p platform.Patch,
) (w platform.Webhook, err error) {
	err = r.call("update", id, func() (err error) {
		if w, err = r.find(id); err != nil {
			return err
		}
		if p.Active != nil {
			w.Active = *p.Active
		}
		if p.CallbackURL != "" {
			w.CallbackURL = p.CallbackURL
		}
		w.Modified = w.Modified.Add(time.Millisecond)
		r.webhooks[id] = w
		return nil
	})
	if err != nil {
		return platform.Webhook{}, err
	}
	return w, nil
}

func (r *remote) Delete(_ context.Context, _ platform.Priority, id string) error {
	return r.call("delete", id, func() error {
		_, err := r.find(id)
		delete(r.webhooks, id)
		return err
	})
}

func (r *remote) List(context.Context, platform.Known) (l platform.Listing, err error) {
	err = r.call("list", "", func() error {
		for _, id := range slices.Sorted(maps.Keys(r.webhooks)) {
			if !r.hidden[id] {
				l.Webhooks = append(l.Webhooks, r.webhooks[id])
			}
		}
		return nil
	})
	if err != nil {
		return platform.Listing{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.odd != nil {
		r.odd(&l)
	}
	return l, nil
}

func (r *remote) Ready(platform.Priority) error { return r.unready }

func (r *remote) find(id string) (platform.Webhook, error) {
	if w, ok := r.webhooks[id]; ok {
		return w, nil
	}
	return platform.Webhook{}, errNotFound
}

// change has something happen behind the operator's back.
func (r *remote) change(id string, change func(*platform.Webhook)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.webhooks[id]
	change(&w)
	r.webhooks[id] = w
}

func (r *remote) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.webhooks, id)
}

// hide makes the lists lack what exists, or show it again.
func (r *remote) hide(id string, hidden bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hidden[id] = hidden
}

// sent returns the calls since it was last asked.
func (r *remote) sent() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// account is an account with one member, by which a test uses both.
type account struct {
	*fleet.Member
	*fleet.Fleet
}

// testCadence is how often the members of most tests want a list.
var testCadence = fleet.Cadence{Interval: time.Minute, Pause: time.Second}

func newAccount(api fleet.API, c clock.PassiveClock, enqueue func()) account {
	m := fleet.NewRegistry(c).Join("platform/0", "a/default", api, testCadence, enqueue)
	return account{m, m.Fleet()}
}

// PollIn is when the member would list if it wanted that every so often.
func (a account) PollIn(interval time.Duration) time.Duration {
	a.SetCadence(fleet.Cadence{Interval: interval, Pause: time.Second})
	return a.Member.PollIn()
}

// Use replaces the client.
func (a account) Use(api fleet.API) { a.Member.Use(api, testCadence) }

// IDs of the webhooks in the snapshot.
func (a account) IDs() []string { return idsOf(a.Webhooks()) }

func idsOf(webhooks []platform.Webhook) (ids []string) {
	for _, w := range webhooks {
		ids = append(ids, w.ID)
	}
	return ids
}

// scene is an account, its remote side and its clock.
type scene struct {
	*WithT
	t            *testing.T
	remote       *remote
	clock        *clocktesting.FakeClock
	fleet        account
	pollRequests atomic.Int32
}

// newScene makes a fleet that has never listed.
func newScene(t *testing.T, ids ...string) *scene {
	s := &scene{WithT: NewWithT(t), t: t, remote: newRemote(ids...), clock: clocktesting.NewFakeClock(start)}
	s.fleet = newAccount(s.remote, s.clock, func() { s.pollRequests.Add(1) })
	return s
}

// newListedScene makes a fleet that has listed what exists.
func newListedScene(t *testing.T, ids ...string) *scene {
	s := newScene(t, ids...)
	s.poll()
	s.remote.sent()
	return s
}

// poll lists and returns the ids that changed.
func (s *scene) poll() []string {
	s.t.Helper()
	changes, err := s.fleet.Poll(s.t.Context())
	s.Expect(err).NotTo(HaveOccurred())
	return idsOf(changes.Webhooks)
}

func (s *scene) activate(id string) error {
	on := true
	_, err := s.fleet.Update(s.t.Context(), platform.Priority{}, id, platform.Patch{Active: &on})
	return err
}

func (s *scene) create(owner fleet.Owner) (platform.Webhook, error) {
	return s.fleet.Create(s.t.Context(), platform.Priority{}, owner, request())
}

func request() platform.CreateRequest {
	return platform.CreateRequest{
		CallbackURL: "https://hooks.example.com/new", Scope: platform.ScopeITwin, ScopeID: "5c9d64cf",
		EventTypes: []string{"iModels.iModelDeleted.v1"},
	}
}

func (s *scene) confirm(id string) error {
	return s.fleet.Confirm(s.t.Context(), platform.Priority{}, id)
}
func (s *scene) deleteRemote(id string) error {
	return s.fleet.Delete(s.t.Context(), platform.Priority{}, id)
}

func (s *scene) presence(id string) fleet.Presence {
	_, presence := s.fleet.Lookup(id)
	return presence
}

func (s *scene) active(id string) bool {
	s.t.Helper()
	w, presence := s.fleet.Lookup(id)
	s.Expect(presence).To(Equal(fleet.Present))
	return w.Active
}

// during runs something in the background and returns what waits for its end.
func during(do func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	return func() { <-done }
}
