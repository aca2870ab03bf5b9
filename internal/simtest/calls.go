package simtest

import (
	"context"
	"errors"
	"time"

	apimachineryruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// client reads from the cache and writes to the cluster. It does no more than the operator is permitted to.
func (p *process) client() client.Client {
	return interceptor.NewClient(bare{}, interceptor.Funcs{
		Get: func(
			_ context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, _ ...client.GetOption,
		) error {
			return p.look("get "+kindOf(o), func() error { return p.cache.get(key, o) })
		},
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return p.look("list "+kindOf(list), func() error { return p.cache.list(list, opts...) })
		},
		Create: func(ctx context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
			return p.call(ctx, "create "+kindOf(o), func() error { return p.simulation.cluster.request(o) })
		},
		Patch: func(
			ctx context.Context, _ client.WithWatch, o client.Object, patch client.Patch, _ ...client.PatchOption,
		) error {
			return p.call(ctx, "patch "+kindOf(o), func() error { return p.simulation.cluster.patch(o, patch, false) })
		},
		SubResourcePatch: func(
			ctx context.Context, _ client.Client, name string, o client.Object, patch client.Patch,
			_ ...client.SubResourcePatchOption,
		) error {
			return p.call(ctx, "patch "+kindOf(o)+" "+name, func() error { return p.writeStatus(o, patch) })
		},
	})
}

// bare is a client that knows nothing but the types.
type bare struct{ client.WithWatch }

func (bare) Scheme() *apimachineryruntime.Scheme { return crashScheme }

// reader reads past the cache.
func (p *process) reader() client.Reader {
	return interceptor.NewClient(bare{}, interceptor.Funcs{
		Get: func(
			ctx context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, _ ...client.GetOption,
		) error {
			return p.call(ctx, "read "+kindOf(o), func() error { return p.simulation.cluster.get(key, o) })
		},
	})
}

// look is a read from the cache. It takes no time.
func (p *process) look(name string, read func() error) error {
	p.pass("before " + cached + name)
	err := read()
	p.pass("after " + cached + name)
	return err
}

// cached marks the points of reads that never leave the process.
const cached = "cached "

var errCluster = errors.New("the connection to the API server was lost")

// call is a call to the API server.
func (p *process) call(ctx context.Context, name string, effect func() error) error {
	if err := p.simulation.denied[name]; err != nil {
		p.simulation.denials++
		return err
	}
	return p.exchange(ctx, exchange{name: name, latency: clusterLatency, effect: effect, lost: errCluster})
}

// exchange is a call that leaves the process. What it does happens in the simulation, also if its caller no longer
// waits.
type exchange struct {
	name    string
	latency time.Duration
	effect  func() error
	// lost is the error when the answer, or the call itself, is lost.
	lost error
	// instead takes what a proxy answers.
	instead func(reply) error
}

func (p *process) exchange(ctx context.Context, e exchange) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := p.pass("before " + e.name)
	if now.what == sendAndDie {
		p.simulation.in(now.late, "", func() { _ = e.effect() })
		p.die(now)
	}
	// A process that was frozen looks again.
	if err := ctx.Err(); err != nil {
		return err
	}
	err := p.await(ctx, e, now)
	now = p.pass("after " + e.name)
	switch {
	case now.what == lose:
		return e.lost
	case now.what == freeze && now.deaf && ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// await sends a request and waits for the answer, of the platform or of a proxy, until the context ends.
func (p *process) await(ctx context.Context, e exchange, now disruption) (err error) {
	f := p.simulation.running
	due, answered := e.latency+now.late, false
	// Who waits for the effect finds it, whatever else happens at the same time.
	rank := p.simulation.agenda.rank()
	if now.what != lose && !now.never {
		p.simulation.inRanked(due, rank, "", func() { err, answered = e.effect(), true })
	}
	switch {
	case now.what == lose:
		f.sleep(e.latency)
		return e.lost
	case now.reply.say != nil:
		f.sleep(e.latency)
		return e.instead(now.reply)
	}
	f.sleepRanked(within(ctx, due), rank)
	if !answered {
		return context.DeadlineExceeded
	}
	f.sleep(e.latency + now.slow)
	return err
}

// within is how long a request is waited for.
func within(ctx context.Context, d time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(d, time.Until(deadline))
	}
	return d
}
