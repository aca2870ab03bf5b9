package request

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli/env"
)

const value = "2026-11-27T09:13:46Z"

// flaky is an API server that fails as often as it has errors; then the Webhook has handled the request.
type flaky struct {
	client.Client
	errors []error
	gets   int
}

func (f *flaky) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	f.gets++
	if len(f.errors) > 0 {
		err := f.errors[0]
		f.errors = f.errors[1:]
		return err
	}
	w := o.(*itwinv1alpha1.Webhook)
	w.Name, w.Status.LastHandledReconcileAt = "model-events", value
	w.Status.Conditions = []metav1.Condition{{Type: itwinv1alpha1.ReadyCondition, Status: metav1.ConditionTrue}}
	w.Namespace = "digital-twin"
	return nil
}

// waitFor waits for one request, and returns what is told.
func waitFor(t *testing.T, f *flaky, timeout time.Duration) (out, told string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{Out: &stdout, ErrOut: &stderr}
	w := &waiter{
		options: &options{timeout: timeout}, env: env.New(streams, buildinfo.Of("0.2.0", "")), client: f,
		kind: reconciliation, value: value, found: &found{},
	}
	err = w.wait(t.Context(), []target{{Namespace: "digital-twin", Name: "model-events"}})
	return stdout.String(), stderr.String(), err
}

func TestAWaitSurvivesErrorsOfTheAPIServer(t *testing.T) {
	g := NewWithT(t)
	f := &flaky{errors: []error{apierrors.NewServiceUnavailable("restarting")}}
	out, told, err := waitFor(t, f, time.Minute)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(ContainSubstring("in sync with the platform"))
	g.Expect(told).To(Equal("Trying again: restarting\n"))
}

func TestAWaitThatSeesOnlyErrorsSaysThatTheRequestStays(t *testing.T) {
	g := NewWithT(t)
	restarting := apierrors.NewServiceUnavailable("restarting")
	_, told, err := waitFor(t, &flaky{errors: []error{restarting, restarting, restarting, restarting}}, 600*time.Millisecond)
	g.Expect(err).To(MatchError(`Webhook "model-events" has not answered the request to reconcile within 600ms ` +
		"(the last look failed: restarting): the request stays; see `kubectl itwin status -n digital-twin`; " +
		"if the operator does not answer at all, `kubectl itwin check -n digital-twin` says why"))
	g.Expect(told).To(Equal("Trying again: restarting\n"), "once")
}

func TestAWaitThatIsNotAllowedEndsAtOnce(t *testing.T) {
	g := NewWithT(t)
	webhooks := schema.GroupResource{Resource: "webhooks"}
	f := &flaky{errors: []error{apierrors.NewForbidden(webhooks, "model-events", errors.New("no role"))}}
	_, _, err := waitFor(t, f, time.Minute)
	g.Expect(f.gets).To(Equal(1))
	g.Expect(err).To(MatchError(And(ContainSubstring("cannot wait for the request to reconcile: "),
		ContainSubstring("forbidden"), ContainSubstring("the request stays"))))
}

func TestLooksAtManyAndAfterErrorsAreRare(t *testing.T) {
	for _, c := range []struct {
		looks, pending, inRow int
		want                  time.Duration
	}{
		{1, few, 0, look},
		{100, few, 0, look},
		{1, few + 1, 0, look},
		{3, few + 1, 0, 4 * look},
		{5, few + 1, 0, longestLook},
		{1000, few + 1, 0, longestLook},
		{100, 1, 1, look},
		{100, 1, 3, 4 * look},
		{100, 1, 1000, longestLook},
	} {
		NewWithT(t).Expect(pause(c.looks, c.pending, c.inRow)).To(Equal(c.want), "%+v", c)
	}
}
