package request

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
)

// keepTheirs is what to do instead of replacing a signing secret that only the receivers know.
const keepTheirs = "set spec.secretRef to a Secret with the value that its receivers have first"

// warnOfSecrets says what the request does to receivers that verify with a secret that the operator does not know.
func (f *found) warnOfSecrets(e *env.Env, k *kind) {
	told := 0
	for _, t := range f.targets {
		secret, unknown := f.unknown[t]
		switch {
		case !unknown:
			continue
		case told == few:
			fmt.Fprintf(e.ErrOut, "Warning: and %s more\n", counted(len(f.unknown)-few))
			return
		}
		told++
		fmt.Fprintf(e.ErrOut, "Warning: to %s Webhook %q replaces its signing secret, which is unknown because it was "+
			"imported. Its receivers refuse all events until they have the value of the new Secret %q. To keep theirs, %s.\n",
			k.verb, t.Name, secret, keepTheirs)
	}
}

// replaced says which Secret the receivers of an import need now; "" for any other Webhook.
func (f *found) replaced(t target) string {
	if secret, unknown := f.unknown[t]; unknown {
		return fmt.Sprintf("; the signing secret of before is replaced: give its receivers the value of Secret %q", secret)
	}
	return ""
}

// whereBefore says where the value before a rotation is. It looks at the keys of the Secret alone.
func whereBefore(ctx context.Context, c client.Reader, w *itwinv1alpha1.Webhook) string {
	text := fmt.Sprintf("; the one before is under its key %q", itwinv1alpha1.PreviousSecretKey)
	var secret corev1.Secret
	err := c.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: w.SigningSecret().Name}, &secret)
	_, kept := secret.Data[itwinv1alpha1.PreviousSecretKey]
	switch {
	case apierrors.IsNotFound(err):
		return ""
	case err != nil:
		return text + ", if it has that key"
	case !kept:
		return "; the one before is not kept"
	}
	return text
}
