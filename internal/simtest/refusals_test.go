package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/simulator"
)

const deletes = "DELETE /webhooks/{id}"

// writes is how often the objects of the cluster were written.
func (s claimScene) writes() int { return len(s.cluster.history) }

func TestCreateIsRefusedForAWhileItSucceedsWithoutAnEdit(t *testing.T) {
	for _, status := range []int{404, 405, 409} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.fault(http.MethodPost, "/webhooks", fmt.Sprintf("status:%d", status), 2)
				s.apply(subject)
				s.run(time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(creates)).To(Equal(3))
			})
		})
	}
}

func TestUpdateIsRefusedForAWhileItSucceedsWithoutAnEdit(t *testing.T) {
	for _, status := range []int{405, 409} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.fault(http.MethodPatch, "/webhooks/{id}", fmt.Sprintf("status:%d", status), 2)
				s.cluster.edit(subject, changeSpec)
				s.run(2 * time.Minute)
				s.Expect(s.violations()).To(BeEmpty())
				// One for the secret, of which the refused ones left unknown whether the platform has it.
				s.Expect(s.count(updates)).To(BeNumerically("<=", 1+3+1))
			})
		})
	}
}

// refusals are how often a request that is refused for ever is sent in an hour, and how the status tells of it.
var refusals = []struct{ status, sent int }{
	{status: 403, sent: 6}, {status: 405, sent: 3 + 6}, {status: 409, sent: 3 + 6}, {status: 422, sent: 1},
}

func TestCreateIsRefusedForEverItIsTriedSeldomAndToldOnce(t *testing.T) {
	for _, refused := range refusals {
		t.Run(fmt.Sprint(refused.status), func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.fault(http.MethodPost, "/webhooks", fmt.Sprintf("status:%d", refused.status), simulator.Forever)
				s.apply(subject)
				s.run(3 * time.Minute)
				s.Expect(said(s.cluster.webhook(subject).Status.Conditions)).To(Equal("Ready=False/Refused Stalled=True/Refused"))
				writes := s.writes()
				for i := range 57 {
					s.cluster.annotate(subject, "example.com/unrelated", fmt.Sprint(i))
					s.run(time.Minute)
				}
				s.Expect(s.writes()-writes).To(Equal(57), "the annotations alone")
				s.Expect(s.count(creates)).To(BeNumerically("~", refused.sent, 1))
			})
		})
	}
}

func TestDeleteIsRefusedForEverItIsTriedSeldom(t *testing.T) {
	for _, refused := range refusals {
		t.Run(fmt.Sprint(refused.status), func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.fault(http.MethodDelete, "/webhooks/{id}", fmt.Sprintf("status:%d", refused.status), simulator.Forever)
				s.cluster.remove(s.cluster.webhook(subject))
				s.run(time.Hour)
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeletingReason))
				s.Expect(s.count(deletes)).To(BeNumerically("~", refused.sent, 1))
			})
		})
	}
}

func TestAPersonAsksTheRefusedCreateIsTriedAtOnce(t *testing.T) {
	for name, ask := range map[string]func(*simulation){
		"by annotation":        annotate(itwinv1alpha1.ReconcileRequestedAtAnnotation),
		"by an edit":           edit(changeSpec),
		"by an unrelated edit": edit(reactivatedOnRequest),
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.fault(http.MethodPost, "/webhooks", "status:422", 1)
				s.apply(subject)
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
				ask(s.simulation)
				s.run(settleFor)
				s.Expect(s.violations()).To(BeEmpty())
				s.Expect(s.count(creates)).To(Equal(2))
			})
		})
	}
}

func TestASecretChangesTheRefusedCreateIsTriedAtOnce(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		keepSecret(firstHMAC)(s.simulation)
		s.fault(http.MethodPost, "/webhooks", "status:422", 1)
		s.apply(subject, referring(hmac))
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
		keepSecret(nextHMAC)(s.simulation)
		s.run(settleFor)
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// What the platform refuses of the spec holds up neither the active state nor the secret.
func TestAnEditIsRefusedWhileTheWebhookIsTurnedOffItIsReactivated(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.must(s.platform.AddFault(simulator.Fault{
			Match:  simulator.Match{Method: http.MethodPatch, Path: "/webhooks/{id}", Body: "elsewhere"},
			Action: "status:422", Times: simulator.Forever,
		}))
		deactivate(s.simulation)
		s.cluster.edit(subject, changeSpec)
		s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, "now")
		s.run(10 * time.Minute)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.RefusedReason))
		s.Expect(s.remotes()[0].Active).To(BeTrue())
		secret := s.cluster.read(ref{kindSecret, keyed(subject + itwinv1alpha1.GeneratedSecretSuffix)}).(*corev1.Secret)
		s.Expect(s.remotes()[0].Secret).To(Equal(string(secret.Data[itwinv1alpha1.DefaultSecretKey])))
		s.Expect(s.count(updates)).To(BeNumerically("<=", 7))
	})
}

func TestTheOperatorRestartsARefusedCreateIsNotSentAtOnce(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.fault(http.MethodPost, "/webhooks", "status:422", simulator.Forever)
		s.apply(subject)
		s.processes[0].kill()
		s.start()
		s.run(time.Second)
		s.Expect(s.count(creates)).To(Equal(1))
		s.run(12 * time.Minute)
		s.Expect(s.count(creates)).To(Equal(2))
	})
}

func TestManyCreatesAreRefusedTheirRetriesLeaveTheRateLimitToOthers(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.editConnection(crashConnection, func(c *itwinv1alpha1.ConnectionSpec) { c.RateLimit.RequestsPerMinute = 20 })
		s.fault(http.MethodPost, "/webhooks", "status:403", simulator.Forever)
		for i := range 30 {
			s.cluster.add(newWebhook(fmt.Sprint("refused-", i)))
		}
		s.run(15 * time.Minute)
		s.Expect(s.count(creates)).To(BeNumerically(">=", 30), "each was tried")
		before := s.count(creates)
		s.run(time.Hour)
		s.Expect(s.count(creates)-before).To(BeNumerically("~", 60, 5), "a twentieth of 20 a minute")
	})
}
