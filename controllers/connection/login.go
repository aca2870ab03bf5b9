package connection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/kube"
	"webhook-operator.io/itwin/controllers/metrics"
	"webhook-operator.io/itwin/internal/backoff"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	// callsInFlight bounds the calls of one connection that are under way; platform.Slots bound them further.
	callsInFlight = 8

	ClientIDKey     = "clientId"
	ClientSecretKey = "clientSecret"
	defaultCAKey    = "ca.crt"
)

// errCredentials is a problem with a Secret of the connection, which a person must fix.
type errCredentials struct{ message string }

func (e *errCredentials) Error() string { return e.message }

// connect returns the connection's membership of its account. New credentials prove themselves by obtaining a token
// before they replace old ones; until then the old ones stay in use.
func (r *Reconciler) connect(ctx context.Context, c itwinv1alpha1.ConnectionObject) (*fleet.Member, error) {
	key, stamp := kube.KeyOf(c), r.stamp(ctx, c)
	member, linked := r.Fleets.Member(key), r.links.get(key)
	if member != nil && member.Closed() == nil && stamp != "" && stamp == linked.stamp {
		return member, nil
	}
	options, err := r.options(ctx, c)
	if err != nil {
		return nil, err
	}
	cadence := cadenceOf(c.ConnectionSpec())
	if member != nil && member.Closed() == nil && sameClient(linked.options, options) {
		// The client in use calls at the new pace from now on.
		r.Fleets.Share(member.Fleet().Account(), key, options.Limits)
		member.SetCadence(cadence)
		r.links.set(key, link{options: options, stamp: stamp, pauses: linked.pauses})
		return member, nil
	}
	candidate, err := r.prove(ctx, key, options)
	if err != nil {
		return nil, err
	}
	account := fleet.AccountOf(options.APIURL, options.TokenURL, options.Credentials.ClientID)
	candidate.Pace(r.Fleets.Share(account, key, options.Limits))
	name := client.ObjectKeyFromObject(c)
	member = r.Fleets.Join(account, key, candidate, cadence, func() { r.Enqueuer.Enqueue(kube.PriorityRemote, name) })
	r.links.set(key, link{options: options, stamp: stamp, pauses: r.links.get(key).pauses})
	return member, nil
}

// sameClient reports whether a client that was made with some options serves for others: limits it takes from its
// account's pace.
func sameClient(a, b platform.Options) bool {
	a.Limits, b.Limits = platform.Limits{}, platform.Limits{}
	return reflect.DeepEqual(a, b)
}

// prove makes a client and lets it obtain a token. After a failure it is not tried again before some time has passed,
// unless the options change; before the time that the token server asked for, not even then.
func (r *Reconciler) prove(ctx context.Context, key string, options platform.Options) (API, error) {
	linked := r.links.get(key)
	if linked.candidate == nil || !sameClient(linked.candidateOptions, options) {
		instrumented := options
		metrics.Instrument(key, &instrumented)
		linked.pauses = linked.pauses.with(options, linked.options, r.Clock.Now())
		instrumented.TokenPause = linked.pauses[applicationOf(options)]
		instrumented.AllowHost = r.AllowHost
		candidate, err := r.Dial(instrumented)
		if err != nil {
			return nil, refusedOptions(err)
		}
		linked.candidate, linked.candidateOptions = candidate, options
		linked.failure, linked.failures, linked.retryAt = nil, 0, time.Time{}
	}
	now := r.Clock.Now()
	if now.Before(linked.retryAt) {
		return nil, linked.failure
	}
	linked.failure = linked.candidate.Login(ctx)
	if linked.failure != nil {
		linked.retryAt = now.Add(loginPause(linked.failures, linked.failure))
		linked.failures++
	}
	r.links.set(key, linked)
	return linked.candidate, linked.failure
}

// loginBackoff is how long to wait after logins that failed in a row.
var loginBackoff = backoff.Doubling{First: time.Second, Longest: 5 * time.Minute}

// loginPause is how long to wait after a login failed: as the token server asks, or ever longer.
func loginPause(failures int, err error) time.Duration {
	pause := loginBackoff.After(failures + 1)
	if said, answered := errors.AsType[*platform.Error](err); answered {
		pause = max(pause, said.RetryAfter)
	}
	return pause
}

// stamp identifies what a connection was made from: its generation and the versions of its Secrets, as the cache knows
// them; "" when the cache does not show them all, as in an installation that is bound to other namespaces.
func (r *Reconciler) stamp(ctx context.Context, c itwinv1alpha1.ConnectionObject) string {
	parts := []string{string(c.GetUID()), strconv.FormatInt(c.GetGeneration(), 10)}
	for _, name := range kube.SecretsOf(c) {
		meta := &metav1.PartialObjectMetadata{}
		meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		namespace, name, _ := strings.Cut(name, "/")
		if err := r.Kube.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, meta); err != nil {
			return ""
		}
		parts = append(parts, meta.ResourceVersion)
	}
	return strings.Join(parts, " ")
}

// API is the client of a connection.
type API interface {
	fleet.API
	// Login obtains an access token, which proves the credentials.
	Login(ctx context.Context) error
	// Pace makes the client share the pace of its account.
	Pace(share *platform.Share)
}

func dial(o platform.Options) (API, error) { return platform.New(o) }

// refusedOptions says why a connection's options cannot be used.
func refusedOptions(err error) error {
	if host, ok := errors.AsType[*platform.HostError](err); ok {
		return host
	}
	return &errCredentials{err.Error()}
}

// link is what a member was connected with. The rest is about credentials that have not proven themselves.
type link struct {
	options platform.Options
	stamp   string

	candidate        API
	candidateOptions platform.Options
	// failure is why the last login failed, failures how many did, and retryAt when the next one is made.
	failure  error
	failures int
	retryAt  time.Time

	// pauses outlive the credentials that they were asked of.
	pauses tokenPauses
}

// application is whom a token server gives tokens to.
type application struct{ tokenURL, clientID string }

func applicationOf(o platform.Options) application {
	return application{o.TokenURL, o.Credentials.ClientID}
}

// tokenPauses are the pauses that the token servers of one connection asked for.
type tokenPauses map[application]*platform.TokenPause

// with returns the pauses with one for some options, and without those that are over and not of the options in use.
func (p tokenPauses) with(options, inUse platform.Options, now time.Time) tokenPauses {
	kept := tokenPauses{applicationOf(options): cmp.Or(p[applicationOf(options)], &platform.TokenPause{})}
	for of, pause := range p {
		if pause.Pending(now) || of == applicationOf(inUse) {
			kept[of] = pause
		}
	}
	return kept
}

// links remembers what each member was connected with, by connection.
type links struct {
	mu sync.Mutex
	of map[string]link
}

func (l *links) get(key string) link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[key]
}

func (l *links) set(key string, to link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]link{}
	}
	l.of[key] = to
}

func (l *links) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, key)
}

// options reads the connection's Secrets, past the cache.
func (r *Reconciler) options(ctx context.Context, c itwinv1alpha1.ConnectionObject) (platform.Options, error) {
	spec := c.ConnectionSpec()
	options := platform.Options{
		APIURL: spec.APIURL, TokenURL: spec.TokenURL, OAuthScope: spec.OAuthScope, UserAgent: r.UserAgent,
		Limits: limitsOf(spec),
	}
	namespace := c.CredentialsNamespace()
	read := func(name string, keys ...string) ([]string, error) {
		return r.readKeys(ctx, client.ObjectKey{Namespace: namespace, Name: name}, keys)
	}
	credentials, err := read(spec.CredentialsSecretRef.Name, ClientIDKey, ClientSecretKey)
	if err != nil {
		return options, err
	}
	options.Credentials = platform.Credentials{ClientID: credentials[0], ClientSecret: credentials[1]}
	if bundle := spec.CABundleSecretRef; bundle != nil {
		pem, err := read(bundle.Name, cmp.Or(bundle.Key, defaultCAKey))
		if err != nil {
			return options, err
		}
		options.CABundle = []byte(pem[0])
	}
	return options, nil
}

// limitsOf are the limits that a connection asks for. Without requestsPerMinute it takes what the platform grants,
// which is assumed to be little until its answers show more.
func limitsOf(spec *itwinv1alpha1.ConnectionSpec) platform.Limits {
	limits := platform.Limits{
		PerMinute: int(spec.RateLimit.RequestsPerMinute), PerHour: int(ptr.Deref(spec.RateLimit.RequestsPerHour, 0)),
		InFlight: callsInFlight,
	}
	if limits.PerMinute == 0 {
		limits.PerMinute, limits.Assumed = platform.AssumedPerMinute, true
	}
	limits.ListEvery = max(cmp.Or(spec.PollInterval.Duration, defaultPollInterval), limits.HalfPace())
	return limits
}

// readKeys reads values of a Secret, all of which must be there, by one request.
func (r *Reconciler) readKeys(ctx context.Context, name client.ObjectKey, keys []string) ([]string, error) {
	var secret corev1.Secret
	if err := r.Live.Get(ctx, name, &secret); apierrors.IsNotFound(err) {
		return nil, &errCredentials{fmt.Sprintf(`There is no Secret %q in namespace %q; create it with the key "%s"`,
			name.Name, name.Namespace, strings.Join(keys, `" and the key "`))}
	} else if err != nil {
		return nil, err
	}
	values := make([]string, len(keys))
	for i, key := range keys {
		if values[i] = strings.TrimSpace(string(secret.Data[key])); values[i] == "" {
			return nil, &errCredentials{fmt.Sprintf(
				"Secret %q in namespace %q has no key %q", name.Name, name.Namespace, key)}
		}
	}
	return values, nil
}
