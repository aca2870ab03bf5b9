package operator

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestAFlagIsReadAsTheOperatorReadsIt(t *testing.T) {
	for arguments, want := range map[string]bool{
		"":                                false,
		"--leader-elect":                  true,
		"-leader-elect":                   true,
		"--leader-elect=true":             true,
		"--leader-elect=1":                true,
		"--leader-elect=false":            false,
		"--leader-election-namespace=a":   false,
		"--leader-elect --leader-elect=F": false,
		"--leader-elect=false -x=1 --leader-elect": true,
		"leader-elect":           false,
		"--other=--leader-elect": false,
	} {
		d := &appsv1.Deployment{}
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "proxy", Args: []string{"--leader-elect"}}, {
			Name: "manager", Command: []string{"/manager"}, Args: strings.Fields(arguments),
		}}
		NewWithT(t).Expect(Enabled(d, "leader-elect", false)).To(Equal(want), arguments)
	}
}

func TestAFlagThatIsNotGivenHasItsDefault(t *testing.T) {
	g := NewWithT(t)
	d := &appsv1.Deployment{}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "manager"}}
	g.Expect(Enabled(d, "metrics-secure", true)).To(BeTrue())
	d.Spec.Template.Spec.Containers[0].Args = []string{"--metrics-secure=false"}
	g.Expect(Enabled(d, "metrics-secure", true)).To(BeFalse())
}
