package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/internal/harness/clustertest"
)

// The control plane of this test is its own: its etcd is restored from a snapshot while the operator runs.
func TestOperatorEndsWhenEtcdIsRestoredFromAnOlderSnapshot(t *testing.T) {
	t.Parallel()
	// How much later than the snapshot the operator starts, in resourceVersions: more than the control plane itself
	// writes when it starts again.
	const laterWrites = 300
	s := clustertest.New(t)
	snapshot := t.TempDir() + "/snapshot"
	s.Must(s.Install(s.Ctx))
	s.Must(s.Snapshot(s.Ctx, snapshot))
	for range laterWrites {
		s.Must(s.Client.Create(s.Ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, GenerateName: "later-"},
		}))
	}
	operator, err := s.StartManager(s.Ctx)
	s.Must(err)
	t.Cleanup(func() { s.Must(operator.Kill()) })

	s.Must(s.Restore(s.Ctx, snapshot))
	s.Eventually(operator.Done()).WithTimeout(time.Minute).Should(BeClosed())
	s.Expect(operator.Ended()).To(MatchError(And(
		ContainSubstring("exit status 1"), ContainSubstring("restored from an older snapshot"))))

	again, err := operator.Relaunch()
	s.Must(err)
	t.Cleanup(func() { s.Must(again.Kill()) })
	s.Consistently(again.Done()).WithTimeout(5 * time.Second).ShouldNot(BeClosed())
}
