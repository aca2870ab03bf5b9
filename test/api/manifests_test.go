package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	operatorNamespace = "itwin-webhook-operator-system"
	operatorAccount   = "itwin-webhook-operator-controller-manager"
)

// kubectl runs the kubectl beside the API server, which has kustomize built in: nothing else is needed to install.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), plane.KubectlPath, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	// A deprecated field, or a Pod that the namespace would refuse, is said only here.
	if strings.Contains(stderr.String(), "Warning:") {
		t.Errorf("kubectl %s:\n%s", strings.Join(args, " "), &stderr)
	}
	return string(out)
}

func configDir(name string) string { return filepath.Join(root, "config", name) }

// built is what a kustomization makes.
func built(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	return documents(t, kubectl(t, "kustomize", dir))
}

func documents(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

func names(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, object.GetKind()+"/"+object.GetName())
	}
	slices.Sort(all)
	return all
}

// one returns the object of that kind and name as its type.
func one[T any](t *testing.T, objects []*unstructured.Unstructured, kind, name string, into T) T {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			return convert(t, object, into)
		}
	}
	t.Fatalf("no %s/%s among %v", kind, name, names(objects))
	return into
}

func TestEveryKustomizationBuilds(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(root, "config", "*", "kustomization.yaml"))
	if err != nil || len(dirs) < 8 {
		t.Fatalf("found %d kustomizations: %v", len(dirs), err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if content, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			} else if strings.Contains(string(content), "kind: Component") {
				dir = withComponent(t, dir)
			}
			if len(built(t, dir)) == 0 {
				t.Error("makes nothing")
			}
		})
	}
}

// withComponent makes a kustomization of Argo CD's settings, as its users have it, with a component.
func withComponent(t *testing.T, component string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp(root, ".component-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, content := range map[string]string{
		"kustomization.yaml": "resources: [argocd-cm.yaml]\ncomponents: [../config/" + filepath.Base(component) + "]\n",
		"argocd-cm.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestInstallForACluster(t *testing.T) {
	g := NewWithT(t)
	kubectl(t, "apply", "--server-side", "-k", configDir("install"))
	// Again: an upgrade is the same command.
	kubectl(t, "apply", "--server-side", "-k", configDir("install"))

	objects := built(t, configDir("install"))
	for _, object := range objects {
		if object.GetNamespace() != "" {
			g.Expect(object.GetNamespace()).To(Equal(operatorNamespace), object.GetName())
		}
		if object.GetKind() != "CustomResourceDefinition" {
			g.Expect(object.GetName()).To(HavePrefix("itwin-webhook-operator-"))
		}
	}

	deployment := one(t, objects, "Deployment", operatorAccount, &appsv1.Deployment{})
	g.Expect(deployment.Spec.Template.Spec.Containers[0].Args).To(ConsistOf(
		"--leader-elect", "--metrics-bind-address=:8443", "--health-probe-bind-address=:8081"))
	g.Expect(deployment.Spec.Template.Labels).To(HaveKeyWithValue("control-plane", "controller-manager"))
	service := one(t, objects, "Service", operatorAccount+"-metrics-service", &corev1.Service{})
	for key, value := range service.Spec.Selector {
		g.Expect(deployment.Spec.Template.Labels).To(HaveKeyWithValue(key, value), "the Service selects the Pod")
	}

	// The namespace enforces the restricted level, by which the API server judges the Pod, and refuses others.
	g.Expect(k8s.Create(t.Context(), podOf(deployment), client.DryRunAll)).To(Succeed())
	rooted := podOf(deployment)
	rooted.Spec.SecurityContext.RunAsNonRoot = nil
	g.Expect(k8s.Create(t.Context(), rooted, client.DryRunAll)).To(MatchError(ContainSubstring("violates PodSecurity")))
	g.Expect(*podOf(deployment).Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem).To(BeTrue())

	// The account may do its work everywhere, and nothing else.
	for _, namespace := range []string{"default", operatorNamespace} {
		expectAccess(t, operatorNamespace, namespace, true, operatorWork...)
	}
	expectAccess(t, operatorNamespace, "", true,
		"list namespaces", "watch namespaces",
		"list clusterconnections.itwin.webhook-operator.io",
		"watch clusterconnections.itwin.webhook-operator.io", "patch clusterconnections.itwin.webhook-operator.io/status",
		"create tokenreviews.authentication.k8s.io", "create subjectaccessreviews.authorization.k8s.io")
	expectAccess(t, operatorNamespace, operatorNamespace, true, leaderElection...)
	expectAccess(t, operatorNamespace, "default", false, leaderElection...)
	expectAccess(t, operatorNamespace, "default", false, notOperatorWork...)
	expectAccess(t, operatorNamespace, "", false,
		"get namespaces", "patch namespaces", "delete namespaces", "get nodes",
		"patch clusterconnections.itwin.webhook-operator.io",
		"create clusterroles.rbac.authorization.k8s.io", "get customresourcedefinitions.apiextensions.k8s.io")
}

// TestInstallForANamespace follows the comment of config/namespaced: nothing but the name of the namespace is changed.
func TestInstallForANamespace(t *testing.T) {
	g := NewWithT(t)
	const namespace = "one-team"
	g.Expect(k8s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	overlay := t.TempDir()
	base, err := filepath.Abs(configDir("namespaced"))
	g.Expect(err).NotTo(HaveOccurred())
	// Kustomize takes a directory elsewhere only by a relative path.
	base, err = filepath.Rel(overlay, base)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"),
		[]byte("namespace: "+namespace+"\nresources: ["+base+"]\n"), 0o600)).To(Succeed())
	kubectl(t, "apply", "--server-side", "-k", configDir("namespaced-admin"))
	kubectl(t, "apply", "--server-side", "-k", overlay)

	objects := built(t, overlay)
	for _, object := range objects {
		g.Expect(object.GetNamespace()).To(Equal(namespace),
			"%s/%s is cluster-scoped or elsewhere", object.GetKind(), object.GetName())
	}
	deployment := one(t, objects, "Deployment", operatorAccount, &appsv1.Deployment{})
	container := deployment.Spec.Template.Spec.Containers[0]
	g.Expect(container.Args).To(ContainElement("--watch-namespace=$(POD_NAMESPACE)"))
	g.Expect(container.Env[0].ValueFrom.FieldRef.FieldPath).To(Equal("metadata.namespace"))

	expectAccess(t, namespace, namespace, true, operatorWork...)
	expectAccess(t, namespace, namespace, true, leaderElection...)
	expectAccess(t, namespace, namespace, false, notOperatorWork...)
	expectAccess(t, namespace, "default", false, operatorWork...)
	expectAccess(t, namespace, "", false, operatorWork...)
	expectAccess(t, namespace, "", false,
		"list namespaces", "list clusterconnections.itwin.webhook-operator.io",
		"create tokenreviews.authentication.k8s.io")
}

var (
	operatorWork = []string{
		"get webhooks.itwin.webhook-operator.io", "list webhooks.itwin.webhook-operator.io",
		"watch webhooks.itwin.webhook-operator.io", "patch webhooks.itwin.webhook-operator.io",
		"patch webhooks.itwin.webhook-operator.io/status", "update webhooks.itwin.webhook-operator.io/finalizers",
		"list connections.itwin.webhook-operator.io",
		"watch connections.itwin.webhook-operator.io", "patch connections.itwin.webhook-operator.io/status",
		"get secrets", "list secrets", "watch secrets", "create secrets", "patch secrets",
		"create events.events.k8s.io", "patch events.events.k8s.io",
	}
	leaderElection = []string{
		"get leases.coordination.k8s.io", "create leases.coordination.k8s.io", "update leases.coordination.k8s.io",
	}
	notOperatorWork = []string{
		"create webhooks.itwin.webhook-operator.io", "update webhooks.itwin.webhook-operator.io",
		"delete webhooks.itwin.webhook-operator.io", "get connections.itwin.webhook-operator.io",
		"create connections.itwin.webhook-operator.io",
		"patch connections.itwin.webhook-operator.io", "delete connections.itwin.webhook-operator.io",
		"update secrets", "delete secrets", "deletecollection secrets", "get configmaps",
		"get pods", "create pods", "get pods/log", "create pods/exec", "create serviceaccounts/token",
		"create rolebindings.rbac.authorization.k8s.io",
		"list events.events.k8s.io",
	}
)

// expectAccess asks the API server whether the operator's account may do each "verb resource.group/subresource".
func expectAccess(t *testing.T, accountNamespace, namespace string, want bool, requests ...string) {
	t.Helper()
	for _, request := range requests {
		verb, rest, _ := strings.Cut(request, " ")
		rest, subresource, _ := strings.Cut(rest, "/")
		resource, group, _ := strings.Cut(rest, ".")
		ask := func() (bool, error) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:" + accountNamespace + ":" + operatorAccount,
				Groups: []string{
					"system:serviceaccounts", "system:serviceaccounts:" + accountNamespace, "system:authenticated",
				},
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource,
				},
			}}
			err := k8s.Create(t.Context(), review)
			return review.Status.Allowed, err
		}
		// The authorizer learns of new roles by watching.
		NewWithT(t).Eventually(ask).WithTimeout(10*time.Second).Should(Equal(want),
			"%s in namespace %q", request, namespace)
	}
}

// podOf is the Pod that the Deployment's controllers would make.
func podOf(deployment *appsv1.Deployment) *corev1.Pod {
	template := deployment.Spec.Template.DeepCopy()
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.Name = deployment.Namespace, "operator"
	return pod
}

// TestNamespacedRole keeps the two roles of the operator together: one is generated, and cannot be of both kinds.
func TestNamespacedRole(t *testing.T) {
	g := NewWithT(t)
	var whole rbacv1.ClusterRole
	var namespaced rbacv1.ClusterRole
	read(t, filepath.Join("rbac", "role.yaml"), &whole)
	read(t, filepath.Join("namespaced-admin", "role.yaml"), &namespaced)
	want := slices.DeleteFunc(permissions(whole.Rules), func(permission string) bool {
		return strings.Contains(permission, " namespaces") || strings.Contains(permission, " clusterconnections")
	})
	g.Expect(permissions(namespaced.Rules)).To(Equal(want),
		"config/namespaced-admin/role.yaml must allow what config/rbac/role.yaml does, without namespaces and clusterconnections")
}

// TestRolesForUsers: a user who may view, edit or administer a namespace may do so with the kinds of this group.
func TestRolesForUsers(t *testing.T) {
	g := NewWithT(t)
	for _, kind := range []string{"webhook", "connection", "clusterconnection"} {
		var viewer, editor rbacv1.ClusterRole
		read(t, filepath.Join("rbac", "people", kind+"_viewer_role.yaml"), &viewer)
		read(t, filepath.Join("rbac", "people", kind+"_editor_role.yaml"), &editor)
		for _, role := range []string{"view", "edit", "admin"} {
			g.Expect(viewer.Labels).To(HaveKeyWithValue("rbac.authorization.k8s.io/aggregate-to-"+role, "true"))
		}
		g.Expect(editor.Labels).NotTo(HaveKey("rbac.authorization.k8s.io/aggregate-to-view"))
		for _, role := range []string{"edit", "admin"} {
			g.Expect(editor.Labels).To(HaveKeyWithValue("rbac.authorization.k8s.io/aggregate-to-"+role, "true"))
		}
		for _, permission := range append(permissions(viewer.Rules), permissions(editor.Rules)...) {
			g.Expect(permission).To(
				MatchRegexp(" "+kind+`s(/status)?\.itwin\.webhook-operator\.io$`), "nothing of other kinds")
		}
		for _, permission := range permissions(viewer.Rules) {
			g.Expect(permission).To(MatchRegexp("^(get|list|watch) "))
		}
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(configDir(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatal(err)
	}
}

// permissions of rules, one by one and in order, however the rules group them.
func permissions(rules []rbacv1.PolicyRule) []string {
	var all []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, fmt.Sprintf("%s %s.%s", verb, resource, group))
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestSamples(t *testing.T) {
	g := NewWithT(t)
	kubectl(t, "apply", "--server-side", "-k", configDir("samples"))
	kubectl(t, "apply", "--server-side", "-f", filepath.Join(configDir("samples"), "clusterconnection.yaml"))

	// The demo and the docs patch and name these.
	g.Expect(names(built(t, configDir("samples")))).To(Equal([]string{
		"Connection/default", "Namespace/digital-twin", "Secret/itwin-service-app", "Secret/model-events-hmac",
		"Webhook/itwin-lifecycle", "Webhook/model-events",
	}))

	// No file is left over: what is not in the kustomization is the one sample for administrators.
	var kustomization struct {
		APIVersion, Kind string
		Resources        []string
	}
	read(t, filepath.Join("samples", "kustomization.yaml"), &kustomization)
	files, err := filepath.Glob(filepath.Join(configDir("samples"), "*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	g.Expect(files).To(ConsistOf(append(kustomization.Resources, "kustomization.yaml", "clusterconnection.yaml")))
}

// TestColumns: what kubectl get shows of the kinds at a glance.
func TestColumns(t *testing.T) {
	g := NewWithT(t)
	create(t, manifest(t, webhook))
	create(t, manifest(t, connection))
	create(t, manifest(t, clusterConnection))
	header := func(args ...string) []string {
		line, _, _ := strings.Cut(kubectl(t, append([]string{"get"}, args...)...), "\n")
		return strings.Fields(line)
	}
	g.Expect(header("itwh", "example")).To(Equal(strings.Fields("NAME READY ACTIVE SUSPENDED SCOPE CALLBACK AGE")))
	g.Expect(header("itwh", "example", "-o", "wide")).To(Equal(
		strings.Fields("NAME READY ACTIVE SUSPENDED SCOPE CALLBACK AGE WEBHOOK ID REASON MESSAGE")))
	for _, kind := range []string{"connections", "clusterconnections"} {
		g.Expect(header(kind, "example")).To(Equal(strings.Fields("NAME READY WEBHOOKS UNMANAGED AGE")))
		g.Expect(header(kind, "example", "-o", "wide")).To(Equal(
			strings.Fields("NAME READY WEBHOOKS UNMANAGED AGE API REASON MESSAGE")))
	}
	g.Expect(strings.Fields(kubectl(t, "get", "itwin", "-o", "name"))).To(ContainElements(
		"webhook.itwin.webhook-operator.io/example",
		"connection.itwin.webhook-operator.io/example",
		"clusterconnection.itwin.webhook-operator.io/example",
	))
}
