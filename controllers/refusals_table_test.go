package controllers_test

import (
	"net/http"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

const (
	kubernetesRefused = "False/" + itwinv1alpha1.KubernetesRefusedReason
	webhookMetric     = "itwin_webhook_status_writes_refused_total"
	connectionMetric  = "itwin_connection_status_writes_refused_total"

	createSecret     = "POST secrets"
	patchSecret      = "PATCH secrets"
	patchWebhook     = "PATCH webhooks"
	patchStatus      = "PATCH webhooks/status"
	patchConnection  = "PATCH connections/status"
	secondEvent      = "iModels.iModelCreated.v1"
	firstEvent       = "iModels.iModelDeleted.v1"
	withoutFinalizer = `!has(object.metadata.finalizers)`
	withoutID        = `!has(object.metadata.annotations) || !('` + itwinv1alpha1.WebhookIDAnnotation +
		`' in object.metadata.annotations)`
)

var (
	creates = []admissionv1.OperationType{admissionv1.Create}
	updates = []admissionv1.OperationType{admissionv1.Update}
)

// refusals is the API server's half of the table of failures: for every way in which a request can fail, what the
// condition, the Event, the log and the metric say, and what is tried again.
var refusals = []refusal{
	{
		name: "quota on Secrets", fresh: true, refuse: quota,
		ready: kubernetesRefused, words: "exceeded quota: secrets", retried: createSecret, meanwhile: untouched,
	},
	{
		name: "policy denies Secrets", fresh: true, refuse: deny(secretPolicy(creates, "")),
		ready: kubernetesRefused, words: denied, retried: createSecret, meanwhile: untouched,
	},
	{
		name: "policy denies a rotation", refuse: deny(secretPolicy(updates, "")), trigger: rotate,
		ready: kubernetesRefused, words: denied, retried: patchSecret, meanwhile: edits, recovered: rotated,
	},
	{
		name: "policy quotes the Secret that it denies", trigger: rotate,
		refuse: deny(secretPolicy(updates, `'`+denied+`: ' + string(oldObject.data.secret)`)),
		ready:  kubernetesRefused, words: denied, retried: patchSecret, meanwhile: edits, recovered: rotated,
	},
	{
		name: "policy denies the finalizer", fresh: true, refuse: deny(webhookPolicy(withoutFinalizer)),
		ready: kubernetesRefused, words: denied, retried: patchWebhook, meanwhile: untouched,
	},
	{
		name: "policy takes the finalizer away", fresh: true, refuse: stripped,
		ready: kubernetesRefused, words: "left it out", retried: patchWebhook, meanwhile: untouched,
	},
	{
		name: "policy denies the removal of the finalizer", refuse: deny(webhookPolicy("has(object.metadata.finalizers)")),
		trigger: remove, ready: kubernetesRefused, words: denied, retried: patchWebhook, meanwhile: deletedOnce,
		recovered: (*refusalScene).isGone,
	},
	{
		name: "policy denies the id", fresh: true, refuse: deny(webhookPolicy(withoutID)),
		ready: kubernetesRefused, words: denied, retried: patchWebhook, meanwhile: createdOnce,
	},
	{
		name: "policy denies the id of what is deleted", fresh: true, refuse: deny(webhookPolicy(withoutID)),
		ready: kubernetesRefused, words: denied,
		meanwhile: func(s *refusalScene) { createdOnce(s); remove(s); s.isGone() },
		recovered: (*refusalScene).isGone,
	},
	{
		name: "policy denies the status", refuse: deny(statusPolicy("webhooks/status")), trigger: edited,
		event: denied, metric: webhookMetric, retried: patchStatus, recovered: editedAndReady,
	},
	{
		name: "policy denies the status of the connection", refuse: deny(statusPolicy("connections/status")),
		trigger: editConnection, event: denied, metric: connectionMetric, retried: patchConnection, meanwhile: listed,
		recovered: connectionReady,
	},
	{
		name: "immutable Secret", refuse: immutable, trigger: rotate,
		ready: "False/" + itwinv1alpha1.SecretInvalidReason, words: "is immutable", meanwhile: edits, recovered: rotated,
	},
	{
		name: "policy that takes away the annotations of Secrets", refuse: strippedAnnotations, trigger: templated,
		ready: kubernetesRefused, words: "and left it out", meanwhile: edits, recovered: (*refusalScene).isReady,
	},
	{
		name: "Secret of another controller", fresh: true, refuse: takenSecret,
		ready: "False/" + itwinv1alpha1.SecretInvalidReason, words: "was not generated for this Webhook", meanwhile: untouched,
	},
	{
		name: "namespace that is being deleted", refuse: terminating, trigger: loseSecret,
		ready: kubernetesRefused, words: "being terminated", retried: createSecret, meanwhile: untouched,
		recovered: func(s *refusalScene) { remove(s); s.isGone() },
	},
	{
		name: "no right to read Secrets", refuse: lacking("secrets", "get"), trigger: ownSecret,
		ready: kubernetesRefused, words: `cannot get resource "secrets"`, retried: "GET secrets",
		meanwhile: turnsOff, recovered: turnsOn,
	},
	{
		name: "no right to create Secrets", fresh: true, refuse: lacking("secrets", "create"),
		ready: kubernetesRefused, words: `cannot create resource "secrets"`, retried: createSecret, meanwhile: untouched,
	},
	{
		name: "no right to patch Webhooks", fresh: true, refuse: lacking("webhooks", "patch"),
		ready: kubernetesRefused, words: `cannot patch resource "webhooks"`, retried: patchWebhook, meanwhile: untouched,
	},
	{
		name: "no right to patch the status", fresh: true, refuse: lacking("webhooks/status", "patch"),
		event: `cannot patch resource "webhooks/status"`, metric: webhookMetric, retried: patchStatus, meanwhile: activeOnce,
	},
	{
		name: "no right to create Events", fresh: true, refuse: lacking("events", "create"),
		ready: "True/" + itwinv1alpha1.InSyncReason,
	},
	{
		name: "lasting conflict with a client that rewrites the object", fresh: true, refuse: rewritten,
		ready: "True/" + itwinv1alpha1.InSyncReason,
	},
	{
		name: "conflict of every write of the object", fresh: true, refuse: failing(patchWebhook, conflict),
		ready: kubernetesRefused, words: "the object has been modified", retried: patchWebhook, meanwhile: untouched,
	},
	{
		name: "conflict of every write of the status", refuse: failing(patchStatus, conflict), trigger: edited,
		event: "the object has been modified", metric: webhookMetric, retried: patchStatus, recovered: editedAndReady,
	},
	{
		name: "internal error", fresh: true, refuse: failing(createSecret, internal),
		ready: kubernetesRefused, words: "key server is down", retried: createSecret, meanwhile: untouched,
	},
	{
		name: "too many requests", fresh: true, refuse: failing(createSecret, overloaded),
		ready: kubernetesRefused, words: "too many requests", meanwhile: untouched,
	},
	{
		name: "no answer", fresh: true, refuse: failing(createSecret, hang),
		ready: kubernetesRefused, words: "deadline exceeded", meanwhile: untouched,
	},
	{
		name: "internal error of the connection's Secret", refuse: failing("GET secrets", internal),
		trigger: editCredentials, meanwhile: connectionRefused, recovered: connectionReady,
	},
}

var (
	conflict = answer(http.StatusConflict, "", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict",`+
		`"code":409,"message":"the object has been modified; please apply your changes to the latest version"}`)
	internal = answer(http.StatusInternalServerError, "", `{"kind":"Status","apiVersion":"v1","status":"Failure",`+
		`"reason":"InternalError","code":500,"message":"Internal error occurred: the key server is down"}`)
	overloaded = answer(http.StatusTooManyRequests, "Retry-After: 1", `{"kind":"Status","apiVersion":"v1",`+
		`"status":"Failure","reason":"TooManyRequests","code":429,"message":"too many requests, please try again later"}`)
)

func failing(request string, by http.RoundTripper) func(*refusalScene) func() {
	return func(s *refusalScene) func() { return s.server.fault(s.namespace, request, by) }
}

func secretPolicy(operations []admissionv1.OperationType, message string) policy {
	p := policy{resource: "secrets", expression: "false", operations: operations, message: message}
	p.probe = func(s *refusalScene) error { return api.Create(ctx, s.probeSecret(), client.DryRunAll) }
	if operations[0] == admissionv1.Update {
		p.probe = func(s *refusalScene) error {
			secret := &corev1.Secret{ObjectMeta: objectMeta(s.namespace, s.subject.SigningSecret().Name)}
			return api.Patch(ctx, secret, mergePatch(`{"metadata":{"labels":{"probe":"1"}}}`), client.DryRunAll)
		}
	}
	return p
}

// webhookPolicy allows updates of Webhooks that satisfy an expression, as those do that the probe does not break.
func webhookPolicy(expression string) policy {
	probe := map[string]string{
		withoutFinalizer: `{"metadata":{"finalizers":["example.com/probe"]}}`,
		withoutID:        `{"metadata":{"annotations":{"` + itwinv1alpha1.WebhookIDAnnotation + `":"probe"}}}`,
	}[expression]
	return policy{
		group: itwinv1alpha1.GroupVersion.Group, resource: "webhooks", expression: expression, operations: updates,
		probe: func(s *refusalScene) error {
			w := s.webhook("probe", func(spec *itwinv1alpha1.WebhookSpec) { spec.Suspend = true })
			if err := client.IgnoreAlreadyExists(api.Create(ctx, w)); err != nil {
				return err
			}
			if probe == "" {
				probe = `{"metadata":{"labels":{"probe":"1"}}}`
			}
			return api.Patch(ctx, w, mergePatch(probe), client.DryRunAll)
		},
	}
}

func statusPolicy(resource string) policy {
	return policy{
		group: itwinv1alpha1.GroupVersion.Group, resource: resource, expression: "false", operations: updates,
		probe: func(s *refusalScene) error {
			about := client.Object(s.connection.DeepCopy())
			patch := `{"status":{"webhooks":1000}}`
			if resource == "webhooks/status" {
				about, patch = s.subject.DeepCopy(), `{"status":{"deactivations":1000}}`
			}
			return api.Status().Patch(ctx, about, mergePatch(patch), client.DryRunAll)
		},
	}
}

func mergePatch(text string) client.Patch {
	return client.RawPatch("application/merge-patch+json", []byte(text))
}

func untouched(s *refusalScene) {
	Expect(s.changes()).To(Equal(s.changesBefore), "%s: nothing remote is changed", s.row.name)
}
