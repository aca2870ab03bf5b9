package delivery

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// minSecretLength is how many characters the platform wants of a secret.
const minSecretLength = 32

// secretOf reads the signing secret of a Webhook. The note says why the platform may sign with another one; "" when it
// does not.
func secretOf(ctx context.Context, c client.Reader, w *itwinv1alpha1.Webhook) (value, note string, err error) {
	ref := w.SigningSecret()
	secret := &corev1.Secret{}
	err = c.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: ref.Name}, secret)
	switch {
	case apierrors.IsForbidden(err):
		return "", "", &problem.Error{
			What:  fmt.Sprintf("you may not read Secret %q in namespace %q, which signs the event", ref.Name, w.Namespace),
			Do:    "ask for the right to get it, or ask someone who has it to run this command",
			Cause: err,
		}
	case apierrors.IsNotFound(err) && unknown(w):
		return "", "", problem.New(
			fmt.Sprintf("the signing secret of Webhook %q is unknown: it was imported, and nothing was sent to it yet", w.Name),
			"its receivers verify with the secret that they have; give it to the Webhook by a secretRef to test with it")
	case apierrors.IsNotFound(err):
		return "", "", problem.New(
			fmt.Sprintf("there is no Secret %q in namespace %q, which signs the event", ref.Name, w.Namespace),
			fmt.Sprintf("see \"kubectl itwin status %s -n %s\"", w.Name, w.Namespace))
	case err != nil:
		return "", "", err
	}
	value = string(secret.Data[ref.Key])
	if value == "" {
		return "", "", problem.Newf("Secret %q has no key %q", ref.Name, ref.Key)
	}
	if why := invalid(value); why != "" {
		return "", "", problem.New(
			fmt.Sprintf("the value of key %q in Secret %q %s, so the operator does not send it to the platform",
				ref.Key, ref.Name, why),
			"correct the Secret; no event was sent")
	}
	return value, noteOn(w, secret), nil
}

// invalid is why the operator does not accept a secret (SecretInvalid); "" when it does.
func invalid(value string) string {
	switch n := utf8.RuneCountInString(value); {
	case !utf8.ValidString(value):
		return "is not UTF-8 text"
	case strings.HasSuffix(value, "\n") || strings.HasSuffix(value, "\r"):
		return "ends with a newline, which would be part of the signing secret"
	case n < minSecretLength:
		return fmt.Sprintf("has %d characters, of which the platform needs %d or more", n, minSecretLength)
	}
	return ""
}

// unknown reports whether the remote webhook was imported, and has a secret that the operator does not know; or is to
// be imported.
func unknown(w *itwinv1alpha1.Webhook) bool {
	return w.GeneratesSecret() && w.Status.SecretName == "" && (w.Spec.WebhookID != "" || w.Status.WebhookID != "")
}

// noteOn compares the Secret with the one that the platform has.
func noteOn(w *itwinv1alpha1.Webhook, secret *corev1.Secret) string {
	switch {
	case w.Status.SecretName == "":
		return "the platform was not sent this secret yet, and may sign with another one"
	case w.Status.SecretName != secret.Name || w.Status.SecretVersion != secret.ResourceVersion:
		return "the Secret changed since its value was sent to the platform, which may still sign with another one"
	}
	return ""
}

func notFound(err error, namespace, name string) error {
	if apierrors.IsNotFound(err) {
		return problem.New(fmt.Sprintf("there is no Webhook %q in namespace %q", name, namespace),
			"see \"kubectl itwin status -A\"")
	}
	return err
}
