package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options configures a Simulator. The zero value is a strict platform without limits, in real time, that forgets
// everything when it ends.
type Options struct {
	// Latency is added to every call to the platform, in real time.
	Latency time.Duration
	// RequestsPerMinute is how many calls of the Webhooks API an account may make in any minute of virtual time; zero is
	// no limit.
	RequestsPerMinute int
	// RequestsPerHour is the same for an hour. The smallest subscriptions of the platform have both limits.
	RequestsPerHour int
	// Subscription is the name of the accounts' subscription, which answers of the Webhooks API have in a header; it sets
	// no limit, and may be empty.
	Subscription string
	// PageSize makes the list of version 2 answer in pages of so many, linked by _links.next; zero is one answer with all
	// of them, as the platform is documented.
	PageSize int
	// EventTypes are the event types that the platform knows: a create, an update or an event with another one is refused.
	// Empty is any of the right shape. DocumentedEventTypes are those of today.
	EventTypes []string
	// InsecureCallbacks delivers events to callbacks with certificates that cannot be verified.
	InsecureCallbacks bool
	// HTTPCallbacks allows callbacks without TLS, which the platform refuses: for receivers on the same machine.
	HTTPCallbacks bool
	// Start is the virtual time at the beginning; zero is now. A state file has its own.
	Start time.Time
	// TimeScale is how many seconds pass in virtual time in one of real time; zero is 1.
	TimeScale float64
	// StoppedClock lets virtual time pass only by Advance.
	StoppedClock bool
	// DeliveryTimeout is within which a callback must have answered, in real time; zero is the platform's 5 seconds.
	DeliveryTimeout time.Duration
	// DeliveryConcurrency is how many callbacks are called at a time; half of it for one host, an eighth for one webhook.
	// Zero is 64. With 1, events arrive in the order in which they were published.
	DeliveryConcurrency int
	// Variants are the variants that are on from the start, each "name" or "name=value"; docs/simulator.md has them all.
	Variants []string
	// StatePath is a file that keeps accounts, tokens, webhooks, queues and the virtual time beyond the end of the
	// simulator; empty is none. One simulator at a time may use it.
	StatePath string
	// Logger gets what happens at level Info and every call at level Debug, never secrets; nil is none.
	Logger *slog.Logger
}

// Simulator is the platform's stand-in. It is an http.Handler; its methods do what the endpoints under /simulator/ do,
// for tests that hold it in the same process. All of them are safe for concurrent use.
type Simulator struct {
	options    Options
	known      knownTypes
	log        *slog.Logger
	mux        *http.ServeMux
	clock      *clock
	scheduler  *scheduler
	dispatcher *dispatcher
	sender     *sender
	state      *persister      // nil: none
	closed     context.Context // done once the simulator is closed
	close      context.CancelFunc
	loop       sync.WaitGroup

	mu           sync.Mutex // guards what follows
	accounts     map[string]*account
	tokens       map[string]token
	tokenOrder   []string
	webhooks     []*webhook // oldest first
	webhooksByID map[string]*webhook
	queuedBytes  int // of all that waits to be delivered
	attempts     attemptLog
	requests     requestLog
	faults       faultList
	variants     map[string]*activeVariant
}

// ErrNotFound is the answer about a webhook that does not exist.
var ErrNotFound = errors.New("there is no such webhook")

// New starts a simulator, which must be closed.
func New(options Options) (*Simulator, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	saved, found, err := readState(options.StatePath)
	if err != nil {
		return nil, err
	}
	start := options.start()
	if found {
		start = saved.resumeAt(options.StoppedClock)
	}
	s := newSimulator(options, start)
	if found {
		if err := s.restore(saved); err != nil {
			return nil, fmt.Errorf("%s: %w", options.StatePath, err)
		}
		s.resetVariants()
	}
	if err := s.openState(); err != nil {
		return nil, err
	}
	s.loop.Go(func() { s.scheduler.loop(s.closed) })
	return s, nil
}

func newSimulator(options Options, start time.Time) *Simulator {
	clock := newClock(start, options.scale())
	known, _ := newKnownTypes(options.EventTypes) // validate has refused those that are none
	s := &Simulator{
		known:      known,
		options:    options,
		log:        options.Logger,
		clock:      clock,
		scheduler:  newScheduler(clock),
		dispatcher: newDispatcher(cmp.Or(options.DeliveryConcurrency, defaultDeliveryConcurrency)),
		sender:     newSender(options.InsecureCallbacks, cmp.Or(options.DeliveryTimeout, DefaultDeliveryTimeout)),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.mux = s.newMux()
	s.closed, s.close = context.WithCancel(context.Background())
	s.clear()
	return s
}

// openState begins to keep the state file. It writes the file at once, to fail now rather than later.
func (s *Simulator) openState() error {
	path := s.options.StatePath
	if path == "" {
		return nil
	}
	write := func() error { return writeState(path, s.snapshot()) }
	if err := write(); err != nil {
		return err
	}
	s.state = newPersister(write, func(err error) { s.log.Error("the state was not saved", "error", err) })
	return nil
}

// Close ends the delivery of events, breaking off attempts under way, and saves the state. Calls are still answered
// after it, but what they change is no longer saved.
func (s *Simulator) Close() error {
	s.close()
	s.loop.Wait()
	s.dispatcher.wait()
	return s.state.close()
}

func (o Options) validate() error {
	switch {
	case o.Latency < 0:
		return errors.New("the latency must not be negative")
	case o.RequestsPerMinute < 0 || o.RequestsPerHour < 0:
		return errors.New("a rate limit must not be negative")
	case o.PageSize < 0:
		return errors.New("the page size must not be negative")
	case o.DeliveryTimeout < 0 || o.DeliveryConcurrency < 0:
		return errors.New("the timeout and the concurrency of deliveries must not be negative")
	case math.IsNaN(o.TimeScale) || o.TimeScale < 0 || o.TimeScale > maxTimeScale:
		return fmt.Errorf("the time scale must lie between 0 and %d", maxTimeScale)
	}
	if _, err := newKnownTypes(o.EventTypes); err != nil {
		return err
	}
	for _, spec := range o.Variants {
		if _, err := parseVariant(spec); err != nil {
			return err
		}
	}
	return nil
}

// maxTimeScale lets a year pass in about half a minute; a clock faster than that would outrun the tasks due in it.
const maxTimeScale = 1_000_000

func (o Options) start() time.Time {
	if o.Start.IsZero() {
		return time.Now()
	}
	return o.Start
}

func (o Options) scale() float64 {
	switch {
	case o.StoppedClock:
		return 0
	case o.TimeScale == 0:
		return 1
	}
	return o.TimeScale
}

// Reset forgets everything but the options and the time.
func (s *Simulator) Reset() {
	defer s.state.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *Simulator) clear() {
	for _, w := range s.webhooks {
		s.dropQueue(w)
		s.cancelV1(w)
	}
	s.accounts = map[string]*account{}
	s.tokens, s.tokenOrder = map[string]token{}, nil
	s.webhooks, s.webhooksByID = nil, map[string]*webhook{}
	s.attempts = attemptLog{}
	s.requests = newRequestLog()
	s.faults = nil
	s.resetVariants()
}

// Now is the virtual time.
func (s *Simulator) Now() time.Time { return s.clock.now() }

// maxAdvance bounds one step of the clock, so that no time of it leaves the range that can be written down.
const maxAdvance = 100 * 365 * 24 * time.Hour

// Advance moves the virtual time forward, by 0 to 100 years, and returns the new one. Everything that is due on the way
// has happened when it returns, each thing at its own time and in that order, and all deliveries have ended; a callback
// that does not answer costs its timeout in real time. Advance by 0 waits for what is due now.
func (s *Simulator) Advance(d time.Duration) (time.Time, error) {
	if d < 0 || d > maxAdvance {
		return time.Time{}, fmt.Errorf("a duration must lie between 0s and %s", maxAdvance)
	}
	defer s.state.now()
	return s.scheduler.advance(d, s.dispatcher.wait), nil
}

// Requests returns the counts since the last reset.
func (s *Simulator) Requests() RequestCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests.view()
}

// ResetRequests sets the counts to zero.
func (s *Simulator) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = newRequestLog()
}

// Webhooks returns the webhooks of all accounts, oldest first.
func (s *Simulator) Webhooks() []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Webhook, 0, len(s.webhooks))
	for _, w := range s.webhooks {
		all = append(all, w.view())
	}
	return all
}

// Deactivate turns a webhook off as the platform does after failed deliveries; one that is off stays so.
func (s *Simulator) Deactivate(id string) (Webhook, error) {
	defer s.state.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	w, found := s.webhooksByID[strings.ToLower(id)] // as a variant may spell it
	if !found {
		return Webhook{}, ErrNotFound
	}
	s.setActive(w, false, "the platform")
	return w.view(), nil
}

// AddFault adds a fault behind those that are set already.
func (s *Simulator) AddFault(f Fault) error {
	parsed, err := parseFault(f)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, parsed)
	return nil
}

// Faults returns the faults that are set, each with the times it has left.
func (s *Simulator) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Fault, 0, len(s.faults))
	for _, f := range s.faults {
		all = append(all, f.Fault)
	}
	return all
}

// ClearFaults removes all faults. A call that plays one already is not called back.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}
