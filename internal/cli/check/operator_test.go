package check

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestALeaseIsHeldUntilItsHolderHasNotRenewedIt(t *testing.T) {
	now := time.Unix(10000, 0)
	lease := func(holder string, age time.Duration, seconds int32) *coordinationv1.Lease {
		return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &metav1.MicroTime{Time: now.Add(-age)},
		}}
	}
	for name, c := range map[string]struct {
		lease *coordinationv1.Lease
		held  bool
	}{
		"renewed":                   {lease("a", 5*time.Second, 15), true},
		"renewed by a later clock":  {lease("a", -5*time.Second, 15), true},
		"within the skew of clocks": {lease("a", 40*time.Second, 15), true},
		"not renewed":               {lease("a", 50*time.Second, 15), false},
		"released":                  {lease("", time.Second, 1), false},
		"never held":                {&coordinationv1.Lease{}, false},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(heldAt(c.lease, now)).To(Equal(c.held)) })
	}
}
