package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// secretsOf are the signing secrets of the Webhooks that call a path of the receiver, as they are now: a receiver that
// mounts its Secret has them as well.
func (d *demo) secretsOf(path string) (secrets []string) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	var all itwinv1alpha1.WebhookList
	if err := d.plane.Client.List(ctx, &all); err != nil {
		return nil
	}
	for _, w := range all.Items {
		if w.Spec.CallbackURL != d.receiver.URL+path {
			continue
		}
		var secret corev1.Secret
		ref := w.SigningSecret()
		if err := d.plane.Client.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: ref.Name}, &secret); err == nil {
			secrets = append(secrets, string(secret.Data[ref.Key]), string(secret.Data[itwinv1alpha1.PreviousSecretKey]))
		}
	}
	return secrets
}
