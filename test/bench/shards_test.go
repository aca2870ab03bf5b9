package bench

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"webhook-operator.io/itwin/internal/platform"
)

const shardLabel = "shard"

// shardOf divides names among two shards.
func shardOf(name string) string {
	if strings.ContainsAny(name[len(name)-1:], "02468") {
		return "even"
	}
	return "odd"
}

// TestShardsShareAnAccount runs two operators with disjoint selectors on one connection.
func TestShardsShareAnAccount(t *testing.T) {
	t.Parallel()
	all := names("webhook", pick(1000, 50))
	s := newScene(t, len(all), shardTable, measured)
	f := s.newFleet()
	f.connect(*interval, unlimited)
	foreign := f.foreignWebhooks(3)
	shards := map[string]*operator{}
	for _, shard := range []string{"even", "odd"} {
		shards[shard] = s.startOperator("--watch-namespace="+f.namespace,
			fmt.Sprintf("--watch-label-selector=%s=%s", shardLabel, shard))
	}
	f.apply(all, func(name string) map[string]string { return map[string]string{shardLabel: shardOf(name)} })
	f.awaitReady(len(all))
	f.awaitCounts(len(all), foreign)
	for _, o := range shards {
		s.quiet(o)
	}

	calls, n := f.calls(), len(all)
	s.count("Webhooks", n)
	s.exactly("create: POST", calls[creates]-foreign, fixed(n))
	s.exactly("create: PATCH", calls[updates], fixed(n))
	s.exactly("create: reads of one webhook, and deletes", calls[gets]+calls[deletes], fixed(0))
	remote, err := f.platform.Webhooks(s.ctx)
	s.must(err)
	s.exactly("remote webhooks, beside those without an owner", len(remote)-foreign, fixed(n))
	s.exactly("Webhooks written by the wrong shard", strays(shards), fixed(0))
	s.exactly("writes of each Webhook, most", max(most(shards["even"].perWebhook()), most(shards["odd"].perWebhook())), fixed(3))
	s.exactly("status.unmanagedWebhooks", int(ptr.Deref(f.connection().Status.UnmanagedWebhooks, -1)), fixed(foreign))
	s.exactly("status.webhooks", int(ptr.Deref(f.connection().Status.Webhooks, -1)), fixed(n))
	f.restartShard(shards["odd"], n/2)
}

// foreignWebhooks makes remote webhooks that no Webhook claims, in the account of the fleet.
func (f *fleet) foreignWebhooks(n int) int {
	f.Helper()
	client, err := platform.New(platform.Options{
		APIURL: f.platform.URL, TokenURL: f.platform.TokenURL(),
		Credentials: platform.Credentials{ClientID: f.namespace, ClientSecret: "test-secret"},
	})
	f.must(err)
	for _, name := range names("foreign", n) {
		w := f.webhook(name, nil).Spec
		_, err := client.Create(f.ctx, platform.Priority{}, platform.CreateRequest{
			CallbackURL: w.CallbackURL, Scope: string(w.Scope), ScopeID: w.ScopeID, EventTypes: w.EventTypes,
		})
		f.must(err)
	}
	return n
}

// awaitCounts waits until the Connection counts right.
func (f *fleet) awaitCounts(webhooks, unmanaged int) {
	f.Helper()
	f.Eventually(func() []int32 {
		status := f.connection().Status
		return []int32{ptr.Deref(status.Webhooks, -1), ptr.Deref(status.UnmanagedWebhooks, -1)}
	}).Should(Equal([]int32{int32(webhooks), int32(unmanaged)}))
}

// strays counts the Webhooks that an operator wrote although they are not of its shard.
func strays(shards map[string]*operator) (n int) {
	for shard, o := range shards {
		for name := range o.perWebhook() {
			if shardOf(name) != shard {
				n++
			}
		}
	}
	return n
}

// restartShard restarts one of the operators while all is in sync.
func (f *fleet) restartShard(o *operator, own int) {
	f.Helper()
	f.must(o.Stop())
	f.reset(o)
	f.start(o)
	f.Eventually(func() int { return f.reconciles(o) }).Should(BeNumerically(">=", own))
	f.quiet(o)
	calls := f.calls()
	f.exactly("restart of one shard: tokens", calls[tokens], fixed(1))
	f.exactly("restart of one shard: calls beside lists and token", total(calls)-calls[lists]-calls[tokens], fixed(0))
	f.exactly("restart of one shard: writes", o.writes(""), fixed(0))
}
