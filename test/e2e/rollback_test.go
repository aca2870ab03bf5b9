package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/internal/harness"
)

// The control plane of this test is its own: its etcd is restored from a snapshot while the operator runs.
func TestOperatorEndsWhenEtcdIsRestoredFromAnOlderSnapshot(t *testing.T) {
	t.Parallel()
	// How much later than the snapshot the operator starts, in resourceVersions: more than the control plane itself
	// writes when it starts again.
	const laterWrites = 300
	s := &scene{T: t, WithT: NewWithT(t), ctx: t.Context()}
	dir := t.TempDir()
	restored, err := harness.StartControlPlane(dir)
	s.must(err)
	t.Cleanup(func() { s.must(restored.Stop()) })
	s.must(restored.Install(s.ctx))
	s.must(restored.Snapshot(s.ctx, dir+"/snapshot"))
	for range laterWrites {
		s.must(restored.Client.Create(s.ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, GenerateName: "later-"},
		}))
	}
	operator, err := restored.StartManager(s.ctx)
	s.must(err)
	t.Cleanup(func() { s.must(operator.Kill()) })

	s.must(restored.Restore(s.ctx, dir+"/snapshot"))
	s.Eventually(operator.Done()).WithTimeout(time.Minute).Should(BeClosed())
	s.Expect(operator.Ended()).To(MatchError(And(
		ContainSubstring("exit status 1"), ContainSubstring("restored from an older snapshot"))))

	again, err := operator.Relaunch()
	s.must(err)
	t.Cleanup(func() { s.must(again.Kill()) })
	s.Consistently(again.Done()).WithTimeout(5 * time.Second).ShouldNot(BeClosed())
}
