package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/proof"
)

const (
	// keySecret is the Secret that holds the operator key, under keyField. Manifests do not create it: no name prefix of
	// kustomize changes its name, and no apply replaces its value.
	keySecret = "itwin-webhook-operator-key" //nolint:gosec // a name, not a credential
	keyField  = "key"
	// installNamespace is where config/install installs the operator.
	installNamespace = "itwin-webhook-operator-system"
	// podNamespaceFile holds the namespace of the pod that this process runs in.
	podNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

	// keyWait is how long the key is waited for when the API server cannot be reached or does not allow it: roles that
	// were applied together with the Deployment take effect a moment later. A liveness probe ends the process soon after.
	keyWait         = time.Minute
	keyRetryPeriod  = time.Second
	keyCallsTimeout = 10 * time.Second
)

// operatorKey returns the operator key, and generates it at the first start of an installation.
func operatorKey(ctx context.Context, api client.Client, o options) (proof.Key, error) {
	pod, err := podNamespace(podNamespaceFile)
	if err != nil {
		return proof.Key{}, err
	}
	return keyStore{api: api, namespaces: keyNamespaces(o, pod)}.wait(ctx, keyWait)
}

// podNamespace returns the namespace of the pod, and "" outside of a cluster.
func podNamespace(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a constant, but for tests
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find the pod's namespace, which --operator-namespace can name instead: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// keyNamespaces are the namespaces where the key may be, the most specific first. One that was named is the only one.
func keyNamespaces(o options, pod string) []string {
	if o.keyNamespace != "" {
		return []string{o.keyNamespace}
	}
	candidates := []string{pod, o.leaseNamespace, installNamespace, metav1.NamespaceDefault}
	return slices.DeleteFunc(candidates, func(namespace string) bool { return namespace == "" })
}

// keyStore keeps the operator key in a Secret, in the first of its namespaces that exists.
type keyStore struct {
	// api reads and writes without a cache.
	api        client.Client
	namespaces []string
}

// permanentError is an error that does not go away by waiting.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// errNoNamespace is the error of a create in a namespace that does not exist.
var errNoNamespace = errors.New("the namespace does not exist")

// wait loads the key, again and again if need be until a timeout, and returns the last error after that.
func (s keyStore) wait(ctx context.Context, timeout time.Duration) (key proof.Key, err error) {
	logged := ""
	ended := wait.PollUntilContextTimeout(ctx, keyRetryPeriod, timeout, true, func(context.Context) (bool, error) {
		if key, err = s.load(ctx); err == nil {
			return true, nil
		}
		if _, permanent := errors.AsType[permanentError](err); permanent {
			return true, nil
		}
		if message := err.Error(); message != logged {
			ctrl.Log.WithName("key").Error(err, "Failed to load the operator key; trying again")
			logged = message
		}
		return false, nil
	})
	if err == nil {
		err = ended
	}
	return key, err
}

// load reads the key once, or creates it.
func (s keyStore) load(ctx context.Context) (proof.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, keyCallsTimeout)
	defer cancel()
	for _, namespace := range s.namespaces {
		secret, err := s.getOrCreate(ctx, namespace)
		switch {
		case errors.Is(err, errNoNamespace):
			continue
		case err != nil:
			return proof.Key{}, err
		}
		return keyOf(secret)
	}
	return proof.Key{}, permanentError{fmt.Errorf("create the Secret %s for the operator key: none of the namespaces %q "+
		"exists; create one, or name the operator's namespace with --operator-namespace", keySecret, s.namespaces)}
}

// getOrCreate returns the Secret of the key in a namespace. Of managers that start at the same time one creates it, and
// the others read what that one wrote.
func (s keyStore) getOrCreate(ctx context.Context, namespace string) (*corev1.Secret, error) {
	secret, err := s.get(ctx, namespace)
	if !apierrors.IsNotFound(err) {
		return secret, err
	}
	secret, err = s.create(ctx, namespace)
	if apierrors.IsAlreadyExists(err) {
		return s.get(ctx, namespace)
	}
	return secret, err
}

func (s keyStore) get(ctx context.Context, namespace string) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := s.api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: keySecret}, &secret)
	return &secret, explain(err, "get", namespace)
}

// create generates a key. It cannot be changed later, only deleted.
func (s keyStore) create(ctx context.Context, namespace string) (*corev1.Secret, error) {
	bytes := make([]byte, proof.KeySize)
	_, _ = rand.Read(bytes) // never fails (crypto/rand)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: keySecret,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "itwin-webhook-operator"},
		},
		Type: corev1.SecretTypeOpaque, Immutable: new(true), Data: map[string][]byte{keyField: bytes},
	}
	err := s.api.Create(ctx, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: %w", errNoNamespace, err)
	case err == nil:
		ctrl.Log.WithName("key").Info("Generated the operator key", "namespace", namespace, "secret", keySecret)
	}
	return secret, explain(err, "create", namespace)
}

// explain adds what was attempted to an error of the API server and, when it forbids that, what to grant.
func explain(err error, verb, namespace string) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s Secret %s/%s, which holds the operator key: %w", verb, namespace, keySecret, err)
	if !apierrors.IsForbidden(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return err
	}
	return fmt.Errorf("%w; allow the operator's account the verb %q on secrets in the namespace %q, as "+
		"config/rbac/key_role.yaml does, or name another namespace with --operator-namespace",
		err, verb, namespace)
}

// keyOf returns the key that a Secret holds.
func keyOf(secret *corev1.Secret) (proof.Key, error) {
	bytes := secret.Data[keyField]
	if len(bytes) < proof.KeySize {
		return proof.Key{}, permanentError{fmt.Errorf("the Secret %s/%s has %d bytes under %q, but an operator key has at "+
			"least %d: restore it from a backup, or delete it to have another one generated at the next start (see "+
			"docs/security.md, \"The operator key\")", secret.Namespace, secret.Name, len(bytes), keyField, proof.KeySize)}
	}
	return proof.NewKey(bytes), nil
}
