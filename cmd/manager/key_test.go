package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/proof"
)

// keyTest is a control plane for the tests of the key, and a client with an administrator's rights.
type keyTest struct {
	*testing.T
	plane *harness.ControlPlane
}

// TestOperatorKey shares one control plane: its tests use namespaces of their own.
func TestOperatorKey(t *testing.T) {
	harness.Quiet()
	plane, err := harness.StartControlPlane(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	for name, test := range map[string]func(keyTest){
		"first start → generates an immutable key":              generatesKey,
		"later start → reads the same key":                      readsKeyAgain,
		"managers start at the same time → all have one key":    agreeOnKey,
		"a namespace does not exist → the next candidate":       skipsMissingNamespaces,
		"no namespace exists → error at once":                   endsWithoutNamespace,
		"a short key → error at once that says what to do":      refusesShortKey,
		"forbidden → error that names what to grant":            namesWhatToGrant,
		"only the shipped Role, a moment later → generates it":  needsOnlyItsRole,
		"an API server that is away → error after the deadline": givesUp,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(keyTest{t, plane})
		})
	}
}

func (t keyTest) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// namespace creates one.
func (t keyTest) namespace() string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "key-"}}
	t.must(t.plane.Client.Create(t.Context(), namespace))
	return namespace.Name
}

// store is that of an administrator.
func (t keyTest) store(namespaces ...string) keyStore {
	return keyStore{api: t.plane.Client, namespaces: namespaces}
}

// storeOf is that of a user without any rights but those that were granted by name.
func (t keyTest) storeOf(user string, namespaces ...string) keyStore {
	t.Helper()
	config := rest.CopyConfig(t.plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	api, err := client.New(config, client.Options{Scheme: t.plane.Client.Scheme()})
	t.must(err)
	return keyStore{api: api, namespaces: namespaces}
}

func (t keyTest) secret(namespace string) *corev1.Secret {
	t.Helper()
	var secret corev1.Secret
	t.must(t.plane.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: keySecret}, &secret))
	return &secret
}

// fingerprint identifies a key.
func fingerprint(key proof.Key) string { return key.Fingerprint("the same value for each key") }

// expectError checks that an error has each of some parts.
func (t keyTest) expectError(err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want an error with %q", err, part)
		}
	}
}

func generatesKey(t keyTest) {
	namespace := t.namespace()
	key, err := t.store(namespace).wait(t.Context(), time.Second)
	t.must(err)
	secret := t.secret(namespace)
	if len(secret.Data[keyField]) != proof.KeySize || len(secret.Data) != 1 {
		t.Errorf("the Secret holds %d bytes, and %d keys", len(secret.Data[keyField]), len(secret.Data))
	}
	if fingerprint(key) != fingerprint(proof.NewKey(secret.Data[keyField])) {
		t.Error("the key in use is not the one in the Secret")
	}
	if secret.Labels["app.kubernetes.io/managed-by"] != "itwin-webhook-operator" {
		t.Errorf("got the labels %v", secret.Labels)
	}
	secret.Data[keyField] = make([]byte, proof.KeySize)
	if err := t.plane.Client.Update(t.Context(), secret); !apierrors.IsInvalid(err) {
		t.Errorf("the key could be changed: %v", err)
	}
}

func readsKeyAgain(t keyTest) {
	namespace := t.namespace()
	first, err := t.store(namespace).load(t.Context())
	t.must(err)
	second, err := t.store(namespace).load(t.Context())
	t.must(err)
	if fingerprint(first) != fingerprint(second) {
		t.Error("the second key is another one")
	}
}

func agreeOnKey(t keyTest) {
	const managers = 12
	namespace := t.namespace()
	keys, errs := make([]string, managers), make([]error, managers)
	var all sync.WaitGroup
	for i := range managers {
		all.Go(func() {
			key, err := t.store(namespace).wait(t.Context(), time.Minute)
			keys[i], errs[i] = fingerprint(key), err
		})
	}
	all.Wait()
	t.must(errors.Join(errs...))
	if len(slices.Compact(keys)) != 1 || keys[0] != fingerprint(proof.NewKey(t.secret(namespace).Data[keyField])) {
		t.Error("the managers have different keys")
	}
}

func skipsMissingNamespaces(t keyTest) {
	namespace := t.namespace()
	_, err := t.store("missing", "absent", namespace).wait(t.Context(), time.Second)
	t.must(err)
	t.secret(namespace)
}

func endsWithoutNamespace(t keyTest) {
	begun := time.Now()
	_, err := t.store("missing").wait(t.Context(), time.Minute)
	t.expectError(err, `["missing"]`, "--operator-namespace")
	if time.Since(begun) > keyCallsTimeout {
		t.Error("it waited for a namespace")
	}
}

func refusesShortKey(t keyTest) {
	namespace := t.namespace()
	const short = "only-a-few-bytes"
	t.must(t.plane.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: keySecret}, StringData: map[string]string{keyField: short},
	}))
	_, err := t.store(namespace).wait(t.Context(), time.Minute)
	t.expectError(err, namespace+"/"+keySecret, "16 bytes", "at least 32", "restore it from a backup", "delete it")
	if err != nil && strings.Contains(err.Error(), short) {
		t.Error("the error tells the key")
	}
}

func namesWhatToGrant(t keyTest) {
	namespace, other := t.namespace(), t.namespace()
	_, err := t.storeOf("unprivileged", namespace, other).wait(t.Context(), time.Second)
	t.expectError(err, "get Secret "+namespace+"/"+keySecret, "is forbidden", `the verb "get" on secrets`, namespace,
		"--operator-namespace")

	t.grant("reader", namespace, rbacv1.PolicyRule{
		APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{keySecret}, Verbs: []string{"get"},
	})
	err = harness.Until(t.Context(), "the reader may read", func(ctx context.Context) error {
		_, err := t.storeOf("reader", namespace).load(ctx)
		if err != nil && !strings.Contains(err.Error(), "get Secret") {
			return harness.Final(err)
		}
		return errors.New("it may not yet")
	})
	t.expectError(err, "create Secret "+namespace+"/"+keySecret, `the verb "create" on secrets`)
	_, err = t.storeOf("reader", "missing").load(t.Context())
	t.expectError(err, "is forbidden", `in the namespace "missing"`)
}

// grant lets a user do something in a namespace.
func (t keyTest) grant(user, namespace string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	t.must(t.plane.Client.Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user}, Rules: rules,
	}))
	t.must(t.plane.Client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}))
}

func needsOnlyItsRole(t keyTest) {
	namespace := t.namespace()
	store := t.storeOf("operator", namespace)
	done := make(chan error, 1)
	go func() {
		_, err := store.wait(t.Context(), time.Minute)
		done <- err
	}()
	role, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "key_role.yaml"))
	t.must(err)
	_, err = t.plane.KubectlWith(t.Context(),
		strings.ReplaceAll(string(role), "namespace: system", "namespace: "+namespace), "apply", "-f", "-")
	t.must(err)
	_, err = t.plane.Kubectl(t.Context(), "create", "rolebinding", "operator", "-n", namespace,
		"--role=key-role", "--user=operator")
	t.must(err)
	t.must(<-done)
	_, err = store.wait(t.Context(), time.Minute)
	t.must(err)
}

func givesUp(t keyTest) {
	address, err := harness.FreeAddress()
	t.must(err)
	config := rest.CopyConfig(t.plane.Config)
	config.Host = "https://" + address
	api, err := client.New(config, client.Options{
		Scheme: t.plane.Client.Scheme(), Mapper: t.plane.Client.RESTMapper(),
	})
	t.must(err)
	_, err = keyStore{api: api, namespaces: []string{"default"}}.wait(t.Context(), 2*keyRetryPeriod)
	t.expectError(err, "get Secret default/"+keySecret, "connection refused")
}

func TestNamespaceOfTheKey(t *testing.T) {
	for name, test := range map[string]struct {
		options options
		pod     string
		want    []string
	}{
		"named → only that one": {
			options{keyNamespace: "named", leaseNamespace: "lease"}, "pod", []string{"named"},
		},
		"in a pod → its namespace first": {
			options{leaseNamespace: "lease"}, "pod", []string{"pod", "lease", installNamespace, "default"},
		},
		"outside of a cluster → that of the lease": {
			options{leaseNamespace: "lease"}, "", []string{"lease", installNamespace, "default"},
		},
		"nothing is known → the usual ones": {options{}, "", []string{installNamespace, "default"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keyNamespaces(test.options, test.pod); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNamespaceOfThePod(t *testing.T) {
	file := filepath.Join(t.TempDir(), "namespace")
	if namespace, err := podNamespace(file); namespace != "" || err != nil {
		t.Errorf("outside of a cluster: got %q, %v", namespace, err)
	}
	if err := os.WriteFile(file, []byte("digital-twin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if namespace, err := podNamespace(file); namespace != "digital-twin" || err != nil {
		t.Errorf("in a pod: got %q, %v", namespace, err)
	}
	if _, err := podNamespace(filepath.Dir(file)); err == nil || !strings.Contains(err.Error(), "--operator-namespace") {
		t.Errorf("a file that cannot be read: got %v", err)
	}
}
