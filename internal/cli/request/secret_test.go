package request

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// keys is a reader of one Secret, which has these keys or cannot be read.
type keys struct {
	client.Reader
	names []string
	err   error
}

func (k keys) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	secret := o.(*corev1.Secret)
	secret.Data = map[string][]byte{}
	for _, name := range k.names {
		secret.Data[name] = []byte("value-of-" + name)
	}
	return k.err
}

func TestARotationSaysOfTheValueBeforeWhatTheSecretHas(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	for name, c := range map[string]struct {
		secret keys
		want   string
	}{
		"it is kept":         {keys{names: []string{"secret", "previous"}}, `; the one before is under its key "previous"`},
		"it is not kept":     {keys{names: []string{"secret"}}, "; the one before is not kept"},
		"the Secret is gone": {keys{err: apierrors.NewNotFound(secrets, "a")}, ""},
		"it may not be read": {keys{err: apierrors.NewForbidden(secrets, "a", nil)}, `under its key "previous", if it has that key`},
		"no answer":          {keys{err: context.DeadlineExceeded}, `under its key "previous", if it has that key`},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			told := whereBefore(t.Context(), c.secret, &itwinv1alpha1.Webhook{})
			g.Expect(told).To(HaveSuffix(c.want))
			if c.want == "" {
				g.Expect(told).To(BeEmpty())
			}
			g.Expect(told).NotTo(ContainSubstring("value-of"))
		})
	}
}
