package simtest

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

func secretOf(name string) ref {
	return ref{kindSecret, keyed(name + itwinv1alpha1.GeneratedSecretSuffix)}
}

// deadOwner refers to a Webhook of the name of the subject that does not exist any more.
func deadOwner() []metav1.OwnerReference {
	return []metav1.OwnerReference{{
		APIVersion: itwinv1alpha1.GroupVersion.String(), Kind: "Webhook", Name: subject, UID: "dead", Controller: new(true),
	}}
}

// A Secret that a backup tool restored keeps its value and is owned again, in whichever order the two come.
func TestARestoredSecretKeepsItsValue(t *testing.T) {
	dead := deadOwner()
	for name, test := range map[string]struct {
		owners      []metav1.OwnerReference
		secretFirst bool
		proof       bool
	}{
		"Secret first, without owner":  {secretFirst: true, proof: true},
		"Webhook first, without owner": {proof: true},
		"Webhook first, dead owner":    {owners: dead, proof: true},
		"without proof":                {secretFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				id, backup := s.idOf(subject), s.cluster.webhook(subject)
				secret := s.cluster.read(secretOf(subject)).(*corev1.Secret)
				value := string(secret.Data["secret"])
				s.processes[0].kill()
				s.forget(subject)
				s.start()
				restored := &corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{
						Namespace: crashNamespace, Name: secret.Name, Labels: secret.Labels, OwnerReferences: test.owners,
					},
					Data: secret.Data,
				}
				if test.secretFirst {
					s.cluster.add(restored)
				}
				s.cluster.add(newWebhook(subject, func(o *itwinv1alpha1.Webhook) {
					o.Annotations, o.Finalizers = backup.Annotations, backup.Finalizers
					if !test.proof {
						delete(o.Annotations, itwinv1alpha1.OwnerAnnotation)
					}
				}))
				s.run(time.Second)
				// It is looked at again while it waits.
				s.cluster.annotate(subject, itwinv1alpha1.ReconcileRequestedAtAnnotation, "now")
				s.run(4 * time.Second)
				if !test.secretFirst {
					s.cluster.add(restored)
				}
				s.run(settleFor)
				s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.InSyncReason))
				s.Expect(s.idOf(subject)).To(Equal(id))
				now := s.cluster.read(secretOf(subject)).(*corev1.Secret)
				s.Expect(string(now.Data["secret"])).To(Equal(value))
				s.Expect(s.remotes()[0].Secret).To(Equal(value))
				if test.proof {
					s.Expect(metav1.IsControlledBy(now, s.cluster.webhook(subject))).To(BeTrue(), "owned again")
					s.Expect(s.violations()).To(BeEmpty())
				}
			})
		})
	}
}

// restoreDangling restores a Webhook, and later its Secret, which refers to its former owner. It returns the value of
// the secret, and the process that meets the faults from then on.
func restoreDangling(w *simulation, faults ...disruption) (value string, p *process) {
	add()(w)
	first := w.start()
	w.run(warmUp)
	backup, secret := w.cluster.webhook(subject), w.cluster.read(secretOf(subject)).(*corev1.Secret)
	first.kill()
	claimScene{simulation: w}.forget(subject)
	p = w.start(faults...)
	add(func(o *itwinv1alpha1.Webhook) { o.Annotations, o.Finalizers = backup.Annotations, backup.Finalizers })(w)
	w.run(5 * time.Second)
	p.count()
	w.cluster.add(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: crashNamespace, Name: secret.Name, Labels: secret.Labels, OwnerReferences: deadOwner(),
		},
		Data: secret.Data,
	})
	w.run(settleFor)
	return string(secret.Data[itwinv1alpha1.DefaultSecretKey]), p
}

// collectNow deletes the Secret at this moment, if its owner does not exist.
func collectNow(w *simulation) {
	if secret := w.cluster.read(secretOf(subject)); secret != nil && secret.GetOwnerReferences()[0].UID == "dead" {
		w.cluster.remove(secret)
	}
}

// TestASecretThatIsCollectedKeepsTheValueThatWasRead lets the garbage collector delete a restored Secret, whose owner
// does not exist, at each point. Once the operator has read the value, it is not lost.
func TestASecretThatIsCollectedKeepsTheValueThatWasRead(t *testing.T) {
	var points []string
	inSimulation(t, func(w *simulation) {
		_, p := restoreDangling(w)
		points = p.trace
	})
	read := leaving(points, "after ", "read Secret")
	NewWithT(t).Expect(read).NotTo(BeEmpty())
	for k := range points {
		inSimulation(t, func(w *simulation) {
			value, _ := restoreDangling(w, disruption{point: k + 1, what: meet, meets: collectNow})
			g := NewWithT(w.t)
			g.Expect(w.violations()).To(BeEmpty(), points[k])
			if kept := w.remotes()[0].Secret == value; k+1 >= read[0] && !kept {
				t.Errorf("collected at %d (%s): the value is another one", k+1, points[k])
			}
		})
	}
}

func TestAWebhookThatRetainsDoesNotOwnItsSecret(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		s.apply(subject)
		s.cluster.edit(subject, retaining)
		s.run(settleFor)
		secret := s.cluster.read(secretOf(subject)).(*corev1.Secret)
		s.Expect(secret.OwnerReferences).To(BeEmpty())
		s.delete(subject)
		s.Expect(s.cluster.read(secretOf(subject))).NotTo(BeNil(), "receivers still verify with it")
		s.Expect(s.remotes()).To(HaveLen(1))
		s.Expect(s.remotes()[0].Secret).To(Equal(string(secret.Data["secret"])))
	})
}

// TestRetainThatIsSetDuringTheDeletionKeepsTheSecret asks for it when that is all that is left to do.
func TestRetainThatIsSetDuringTheDeletionKeepsTheSecret(t *testing.T) {
	for name, change := range map[string]func(*itwinv1alpha1.Webhook){
		"retained":  retaining,
		"suspended": func(w *itwinv1alpha1.Webhook) { w.Spec.Suspend = true },
	} {
		t.Run(name, func(t *testing.T) {
			inClaimScene(t, func(s claimScene) {
				s.apply(subject)
				s.processes[0].kill()
				s.cluster.remove(s.cluster.webhook(subject))
				s.cluster.edit(subject, change)
				s.start()
				s.run(settleFor)
				s.Expect(s.cluster.webhook(subject)).To(BeNil())
				secret, kept := s.cluster.read(secretOf(subject)).(*corev1.Secret)
				s.Expect(kept).To(BeTrue(), "receivers still verify with it")
				s.Expect(s.remotes()).To(HaveLen(1))
				s.Expect(s.remotes()[0].Secret).To(Equal(string(secret.Data["secret"])))
			})
		})
	}
}

// TestASecretThatWasNotGeneratedIsNotUsed makes a Secret of the name that the operator would generate.
func TestASecretThatWasNotGeneratedIsNotUsed(t *testing.T) {
	inClaimScene(t, func(s claimScene) {
		name := secretOf(subject).key.Name
		s.cluster.setSecret(name, map[string]string{itwinv1alpha1.DefaultSecretKey: firstHMAC})
		s.apply(subject)
		s.Expect(s.reason(subject)).To(Equal(itwinv1alpha1.SecretInvalidReason))
		s.Expect(s.remotes()).To(BeEmpty())
	})
}
