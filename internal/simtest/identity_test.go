package simtest

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/webhook/plan"
	"webhook-operator.io/itwin/simulator"
)

func (w *simulation) fault(method, path, action string, times int) {
	w.must(w.platform.AddFault(simulator.Fault{
		Match: simulator.Match{Method: method, Path: path}, Action: action, Times: times,
	}))
}

func (w *simulation) count(route string) int { return w.platform.Requests().Counts[route] }

const (
	creates = "POST /webhooks"
	updates = "PATCH /webhooks/{id}"
)

// A webhook that answers 404 to its first updates exists all the same.
func TestNotFoundAfterACreateMakesNoSecondOne(t *testing.T) {
	for _, times := range []int{1, 5} {
		inClaimScene(t, func(s claimScene) {
			s.fault(http.MethodPatch, "/webhooks/{id}", "status:404", times)
			s.apply(subject)
			s.run(2 * time.Minute)
			s.Expect(s.violations()).To(BeEmpty())
			s.Expect(s.count(creates)).To(Equal(1))
		})
	}
}

func TestNotFoundForEverCausesFewCalls(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.fault(http.MethodPatch, "/webhooks/{id}", "status:404", simulator.Forever)
		s.apply(subject)
		s.run(time.Minute)
		s.Expect(s.count(creates)).To(Equal(1))
		s.Expect(s.count(updates)).To(BeNumerically("<=", 10))
	})
}

func TestNotFoundOnAnEditOfAReadyWebhookMakesNoSecondOne(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.fault(http.MethodPatch, "/webhooks/{id}", "status:404", 1)
		s.cluster.edit(subject, changeSpec)
		s.run(settleFor)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.count(creates)).To(Equal(1))
	})
}

// A foreign webhook that looks just like what an interrupted create would have made is left alone.
func TestWhatLooksLikeALostCreateIsLeftAlone(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		wanted := newWebhook(subject).Spec.EventTypes
		s.fault(http.MethodPost, "/webhooks", "drop-request", 1)
		s.cluster.add(newWebhook(subject))
		s.run(time.Second)
		s.keepForeign(s.createRemote(callbackOf(subject), wanted...))
		s.run(2 * settleFor)
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// A lost create that turns up after the operator has created another one is removed.
func TestALostCreateThatTurnsUpLateIsRemoved(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		o := s.cluster.webhook(subject)
		late := s.createRemote(callbackOf(subject)+"?itwin-webhook="+string(o.UID), o.Spec.EventTypes...)
		s.run(settleFor)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.idOf(subject)).NotTo(Equal(late))
	})
}

func TestALostCreateThatIsActiveIsLeftAlone(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		o := s.cluster.webhook(subject)
		late := s.createRemote(callbackOf(subject)+"?itwin-webhook="+string(o.UID), o.Spec.EventTypes...)
		s.ask(http.MethodPatch, "/webhooks/"+late, map[string]any{"active": true})
		s.keepForeign(late)
		s.run(settleFor)
		for _, webhook := range s.platform.Webhooks() {
			if webhook.ID == late {
				s.Expect(webhook).To(Equal(s.foreignWebhooks[late]))
				return
			}
		}
		t.Error("it was deleted")
	})
}

// What another object of the same name, or of another cluster, marked is nothing of this one's.
func TestWhatAnotherObjectMarkedIsLeftAlone(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.keepForeign(s.createRemote(callbackOf(subject)+"?itwin-webhook=11111111-0000-4000-8000-000000000000",
			newWebhook(subject).Spec.EventTypes...))
		s.apply(subject, adopting)
		s.Expect(s.violations()).To(BeEmpty())
		s.delete(subject)
		s.Expect(s.violations()).To(BeEmpty())
	})
}

// People replace, strip and import while a create's outcome is unknown.
func TestWhatPeopleDoWhileACreateIsUnknownLeavesOneWebhook(t *testing.T) {
	for name, do := range map[string]func(s claimScene){
		"replace": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Annotations, o.Finalizers = nil, nil })
		},
		"strip the finalizer": func(s claimScene) {
			s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Finalizers = nil })
		},
		"import another": func(s claimScene) {
			id := s.createRemote(callbackOf(subject), newWebhook(subject).Spec.EventTypes...)
			s.cluster.edit(subject, importing(id))
		},
	} {
		for _, action := range []string{"drop-response", "drop-request"} {
			t.Run(name+" after "+action, func(t *testing.T) {
				inClaimScene(t, func(s claimScene) {
					s.fault(http.MethodPost, "/webhooks", action, 1)
					s.cluster.add(newWebhook(subject))
					s.run(500 * time.Millisecond)
					do(s)
					s.run(3 * settleFor)
					s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
					s.Expect(s.remotes()).To(HaveLen(1))
				})
			})
		}
	}
}

// What changes about a Secret other than its value is not sent; another value is, whatever key or name it has.
func TestOnlyAnotherValueOfASecretIsSent(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.cluster.setSecret(hmac, map[string]string{"secret": firstHMAC, "next": nextHMAC, "same": firstHMAC})
		s.apply(subject, referring(hmac))
		before := s.count(updates)
		s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.SecretRef.Key = "same" })
		s.run(settleFor)
		secret := s.cluster.read(ref{kindSecret, keyed(hmac)}).(*corev1.Secret)
		secret.Labels = map[string]string{"a": "b"}
		s.cluster.store(secret)
		s.run(settleFor)
		s.Expect(s.count(updates)).To(Equal(before))
		s.Expect(s.violations()).To(BeEmpty())

		s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.SecretRef.Key = "next" })
		s.run(settleFor)
		s.Expect(s.count(updates)).To(Equal(before + 1))
		s.Expect(s.remotes()[0].Secret).To(Equal(nextHMAC))

		s.cluster.edit(subject, func(o *itwinv1alpha1.Webhook) { o.Spec.SecretRef.Key = "absent" })
		s.run(settleFor)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.SecretNotFoundReason))
	})
}

func TestASecretThatEndsWithANewlineIsInvalid(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.cluster.setSecret(hmac, map[string]string{"secret": firstHMAC + "\n"})
		s.apply(subject, referring(hmac))
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.SecretInvalidReason))
		s.Expect(s.message(subject)).To(ContainSubstring("newline"))
		s.Expect(s.remotes()).To(BeEmpty())
	})
}

// While the platform has not taken a rotation, the value that it has stays in the Secret.
func TestTwoRotationsDuringAnOutageKeepTheValueThatThePlatformHas(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		signing := s.remotes()[0].Secret
		s.fault(http.MethodPatch, "/webhooks/{id}", "status:503", simulator.Forever)
		for _, request := range []string{"one", "two", "three"} {
			s.cluster.annotate(subject, itwinv1alpha1.RotateRequestedAtAnnotation, request)
			s.run(30 * time.Second)
			data := s.cluster.read(secretOf(subject)).(*corev1.Secret).Data
			s.Expect([]string{string(data["secret"]), string(data["previous"])}).To(ContainElement(signing), request)
		}
		s.platform.ClearFaults()
		s.run(plan.FailureBackoff.Longest + settleFor)
		s.Expect(s.violations()).To(BeEmpty())
		s.Expect(s.remotes()[0].Secret).NotTo(Equal(signing))
	})
}

// OnRequest is not asked by an outage, nor by credentials that come back.
func TestOnRequestIsAskedByPeopleAlone(t *testing.T) {
	for name, trouble := range map[string]func(s claimScene){
		"the credentials come back": func(s claimScene) {
			secret := s.cluster.read(ref{kindSecret, keyed("credentials")})
			s.cluster.remove(secret)
			s.run(settleFor)
			s.credentials("credentials", crashClientID, "pair")
		},
		"an outage ends": func(s claimScene) {
			s.fault(http.MethodGet, "/webhooks", "status:503", 5)
		},
		"the operator restarts during an outage": func(s claimScene) {
			s.fault(http.MethodGet, "/webhooks", "status:503", 5)
			s.run(5 * time.Second)
			s.processes[len(s.processes)-1].kill()
			s.start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject, reactivatedOnRequest)
				deactivate(s.simulation)
				s.run(settleFor)
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeactivatedReason))
				trouble(s)
				s.run(3 * settleFor)
				s.Expect(s.remotes()[0].Active).To(BeFalse())
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.DeactivatedReason))
				s.cluster.annotate(subject, itwinv1alpha1.ReactivateRequestedAtAnnotation, "now")
				s.run(settleFor)
				s.Expect(s.violations()).To(BeEmpty())
			})
		})
	}
}

// A permission that is missing for a while hides the webhook; when it returns, one is left.
func TestAHiddenWebhookThatReturnsLeavesOne(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		before := s.remotes()[0]
		s.ask(http.MethodDelete, "/webhooks/"+before.ID, nil)
		s.run(settleFor)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
		former := identity.Of(s.cluster.webhook(subject), crashKey).Former
		s.Expect(former).To(HaveLen(1), "it may only have been hidden")
		s.Expect(former[0].ID).To(Equal(before.ID))
		s.Expect(s.unmanaged(crashConnection)).To(BeZero())
	})
}
