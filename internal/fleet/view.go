package fleet

import (
	"context"
	"time"

	"webhook-operator.io/itwin/internal/platform"
)

// Reader is a membership without its calls to the platform: what can be learned of the account, and of the connection.
type Reader interface {
	// Name of the connection.
	Name() string
	// Fleet is the snapshot of the account.
	Fleet() *Fleet
	// Failure is why no call is sent at present, Outcome why the account is not listed, and Closed why the connection is
	// used for deletions alone; nil when there is no reason.
	Failure() error
	Outcome() error
	Closed() error
}

// Writer is a membership with its calls to the platform about single webhooks.
type Writer interface {
	Fleet() *Fleet
	Ready(priority platform.Priority) error
	Create(
		ctx context.Context,
		priority platform.Priority,
		owner Owner,
		r platform.CreateRequest,
	) (platform.Webhook, error)
	Update(ctx context.Context, priority platform.Priority, id string, p platform.Patch) (platform.Webhook, error)
	Confirm(ctx context.Context, priority platform.Priority, id string) error
	Delete(ctx context.Context, priority platform.Priority, id string) error
	// RetryIn is when what the platform refused may be tried again.
	RetryIn() time.Duration
}

// WriterOf returns the calls of a membership. What executes a plan asks for them, and nothing else.
func WriterOf(m Reader) Writer { return m.(Writer) }

// View is a registry without the calls of its members.
type View struct{ registry *Registry }

// View returns the registry without the calls of its members.
func (r *Registry) View() View { return View{r} }

// Member returns a connection's membership of its account, or nil when it was never connected.
func (v View) Member(connection string) Reader {
	if m := v.registry.Member(connection); m != nil {
		return m
	}
	return nil
}

// Members returns the connections to an account, also those that are closed, in the order of their names.
func (v View) Members(account *Fleet) []Reader {
	members := v.registry.Members(account)
	readers := make([]Reader, len(members))
	for i, m := range members {
		readers[i] = m
	}
	return readers
}

// Account returns the snapshot of an account, or nil when no connection reaches it.
func (v View) Account(account string) *Fleet { return v.registry.Account(account) }

// Marked returns the snapshots of the accounts in which creates of an owner made webhooks.
func (v View) Marked(owner Owner) []*Fleet { return v.registry.Marked(owner) }

// EachAccount calls do for every account that is reached.
func (v View) EachAccount(do func(f *Fleet)) { v.registry.EachAccount(do) }
