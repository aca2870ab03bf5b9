package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Scope says whose events a webhook receives.
// +kubebuilder:validation:Enum=Account;iTwin
type Scope string

const (
	// AccountScope receives the events of the whole account of the connection's service application.
	AccountScope Scope = "Account"
	// ITwinScope receives the events of one iTwin, named by scopeId.
	ITwinScope Scope = "iTwin"
)

// ReactivationPolicy says what happens after the platform turned a webhook off by itself.
// +kubebuilder:validation:Enum=Always;OnRequest
type ReactivationPolicy string

const (
	// ReactivateAlways turns the webhook on again at once, then with growing pauses.
	ReactivateAlways ReactivationPolicy = "Always"
	// ReactivateOnRequest waits for the annotation reactivate-requested-at or for a change of the spec.
	ReactivateOnRequest ReactivationPolicy = "OnRequest"
)

// DeletionPolicy says what happens to the remote webhook when the Webhook is deleted.
// +kubebuilder:validation:Enum=Delete;Retain
type DeletionPolicy string

const (
	// DeleteRemote deletes the remote webhook.
	DeleteRemote DeletionPolicy = "Delete"
	// RetainRemote leaves the remote webhook as it is.
	RetainRemote DeletionPolicy = "Retain"
)

// AdoptionPolicy says whether an existing remote webhook may be taken over instead of creating a second.
// +kubebuilder:validation:Enum=Never;Matching
type AdoptionPolicy string

const (
	// AdoptNever always creates.
	AdoptNever AdoptionPolicy = "Never"
	// AdoptMatching takes over an unclaimed remote webhook with the same callbackUrl, scope and scopeId.
	AdoptMatching AdoptionPolicy = "Matching"
)

// ConnectionKind is the kind of a connection.
// +kubebuilder:validation:Enum=Connection;ClusterConnection
type ConnectionKind string

const (
	// ConnectionKindNamespaced is a Connection in the Webhook's own namespace.
	ConnectionKindNamespaced ConnectionKind = "Connection"
	// ConnectionKindCluster is a ClusterConnection.
	ConnectionKindCluster ConnectionKind = "ClusterConnection"
)

// ConnectionReference names the connection that a Webhook uses.
type ConnectionReference struct {
	// kind of the connection: a Connection in the same namespace, or a ClusterConnection.
	// +kubebuilder:default=Connection
	// +optional
	Kind ConnectionKind `json:"kind,omitempty"`

	// name of the connection.
	// +kubebuilder:default=default
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`!format.dns1123Subdomain().validate(self).hasValue()`,message="name must be the name of a connection: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	// +optional
	Name string `json:"name,omitempty"`
}

// SecretKeyReference names one key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	Name SecretName `json:"name"`

	// key in the Secret's data.
	// +kubebuilder:default=secret
	// +optional
	Key SecretKey `json:"key,omitempty"`
}

// WebhookSpec is what the remote webhook should be.
// +kubebuilder:validation:XValidation:rule=`self.scope != 'iTwin' || has(self.scopeId)`,fieldPath=".scopeId",reason=FieldValueRequired,message="scopeId must be the id of the iTwin when scope is iTwin"
// +kubebuilder:validation:XValidation:rule=`self.scope != 'Account' || !has(self.scopeId)`,fieldPath=".scopeId",reason=FieldValueForbidden,message="scopeId must be absent when scope is Account: the platform knows the account"
// +kubebuilder:validation:XValidation:rule=`!has(oldSelf.webhookId) || (has(self.webhookId) && self.webhookId == oldSelf.webhookId)`,fieldPath=".webhookId",message="webhookId is immutable once set: create another Webhook to import another remote webhook"
// +kubebuilder:validation:XValidation:rule=`!has(self.secretTemplate) || !has(self.secretRef)`,fieldPath=".secretTemplate",reason=FieldValueForbidden,message="secretTemplate must be absent when secretRef is set: it is for the Secret that the operator generates"
type WebhookSpec struct {
	// connectionRef names the connection to the platform.
	// +kubebuilder:default={}
	// +optional
	ConnectionRef ConnectionReference `json:"connectionRef,omitzero"`

	// callbackUrl receives the events, by POST: an https URL with a host, and without user name, fragment or a query
	// parameter itwin-webhook, in whatever letter case or percent-encoding: the operator marks with it what it creates.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.startsWith('https://')`,message="callbackUrl must begin with https://, in lower case"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([-A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2})*$")`,message="callbackUrl must hold only the characters of a URL: percent-encode any other, and write an international host name in its xn-- form"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^[^/?#]*//[^/?#]*@')`,message="callbackUrl must not have a user name or password before the host"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https://') || (self.matches(r'^https://([^/?#]*@)?(([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.?|((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|\[[0-9A-Fa-f:.]+\])(:[^/?#]*)?([/?#]|$)') && !self.matches(r'^https://[^/?#]{260,}') && (!self.matches(r'^https://([^/?#]*@)?\[') || isIP(self.find(r'\[[^\]]*').substring(1))))`,message="callbackUrl must have a host after the scheme: a DNS name, an IPv4 address, or an IPv6 address in brackets, as in https://hooks.example.com/itwin"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):[^/?#@]*([/?#]|$)') || self.matches(r'^https://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([/?#]|$)')`,message="callbackUrl must have a port from 1 to 65535, or none"
	// +kubebuilder:validation:XValidation:rule=`!self.contains('#')`,message="callbackUrl must not have a fragment: remove the # and what follows it"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)([?&;]|%3f|%26|%3b)(i|%[46]9)(t|%[57]4)(w|%[57]7)(i|%[46]9)(n|%[46]e)(-|%2d)(w|%[57]7)(e|%[46]5)(b|%[46]2)(h|%[46]8)(o|%[46]f)(o|%[46]f)(k|%[46]b|%e2%84%aa)([=&;#]|%3d|%26|%3b|%23|$)')`,message="callbackUrl must not have a query parameter itwin-webhook: the operator marks with it what it creates"
	// +required
	CallbackURL string `json:"callbackUrl"`

	// scope says whose events are received. Immutable.
	// +kubebuilder:validation:XValidation:rule=`self == oldSelf`,message="scope is immutable: create another Webhook for another scope"
	// +required
	Scope Scope `json:"scope"`

	// scopeId is the id of the iTwin; required when scope is iTwin, refused otherwise. Immutable.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')`,message="scopeId must be the id of an iTwin: a UUID, such as 5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	// +kubebuilder:validation:XValidation:rule=`self == oldSelf`,message="scopeId is immutable: create another Webhook for another iTwin"
	// +optional
	ScopeID string `json:"scopeId,omitempty"`

	// eventTypes that are sent to the callback, each as api.action.version, for example iModels.iModelDeleted.v1.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=200
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[A-Za-z][A-Za-z0-9]*\.[A-Za-z][A-Za-z0-9]*\.v[0-9]+$')`,message="eventTypes must each have the form api.action.version, such as iModels.iModelDeleted.v1"
	// +required
	EventTypes []string `json:"eventTypes"`

	// active says whether the platform should deliver events.
	// +kubebuilder:default=true
	// +optional
	Active *bool `json:"active,omitempty"`

	// secretRef names the signing secret, of 32 characters or more. Without it the operator generates one into the
	// Secret <name of the Webhook>-webhook-secret, key secret.
	// +optional
	SecretRef *SecretKeyReference `json:"secretRef,omitempty"`

	// secretTemplate adds labels and annotations to the Secret that the operator generates; refused beside secretRef.
	// +optional
	SecretTemplate *SecretTemplate `json:"secretTemplate,omitempty"`

	// reactivationPolicy says what happens after the platform turned the webhook off by itself.
	// +kubebuilder:default=Always
	// +optional
	ReactivationPolicy ReactivationPolicy `json:"reactivationPolicy,omitempty"`

	// deletionPolicy says what happens to the remote webhook when this object is deleted, or moves to another account.
	// +kubebuilder:default=Delete
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// adoptionPolicy says whether an unclaimed remote webhook with the same callbackUrl, scope and scopeId is taken
	// over instead of creating a second, if the connection's allowAdoption is Matching.
	// +kubebuilder:default=Never
	// +optional
	AdoptionPolicy AdoptionPolicy `json:"adoptionPolicy,omitempty"`

	// webhookId imports exactly this existing remote webhook, if the connection's allowAdoption is Matching. Upper and
	// lower case mean the same. Immutable once set.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$')`,message="webhookId must be the id of a webhook of the platform: a UUID, such as e6989b43-53ab-45e2-a610-560c6f7e879e"
	// +optional
	WebhookID string `json:"webhookId,omitempty"`

	// suspend stops all remote writes for this object, but for turning off what its connection no longer allows. The
	// condition Suspended shows that it was observed; Ready stays as it was.
	// +kubebuilder:default=false
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// FormerWebhook is a remote webhook that a Webhook gave up.
type FormerWebhook struct {
	// account that the remote webhook belongs to, as in status.account.
	// +optional
	Account string `json:"account,omitempty"`

	// webhookId of the remote webhook.
	// +required
	WebhookID string `json:"webhookId"`
}

// WebhookStatus is what is known of the remote webhook.
type WebhookStatus struct {
	// observedGeneration is the generation of the spec that was last observed; -1 until it was first read. The conditions
	// speak of it, but for Ready and Active while spec.suspend is set: each tells its own generation.
	// +kubebuilder:default=-1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// webhookId is the id of the remote webhook.
	// +optional
	WebhookID string `json:"webhookId,omitempty"`

	// active is what the platform said last.
	// +optional
	Active *bool `json:"active,omitempty"`

	// account that the webhookId belongs to: the host of the connection's apiUrl and 16 hex digits, which identify the
	// platform, the token server and the service application together.
	// +optional
	Account string `json:"account,omitempty"`

	// former are the remote webhooks that this Webhook gave up and that are still to be removed, as the annotation of that
	// name lists them.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Former []FormerWebhook `json:"former,omitempty"`

	// appliedGeneration is the generation of the spec that the platform was last known to have in full. While it differs
	// from metadata.generation, an edit is waiting.
	// +optional
	AppliedGeneration int64 `json:"appliedGeneration,omitempty"`

	// scopeId is what the platform said: for Account scope, the account's id.
	// +optional
	ScopeID string `json:"scopeId,omitempty"`

	// callbackUrl is how the platform spelled the callback in its answer to the operator's last write, or when the remote
	// webhook was taken over.
	// +optional
	CallbackURL string `json:"callbackUrl,omitempty"`

	// sentCallbackUrl is the spec.callbackUrl that the platform spells as status.callbackUrl. It is set only where the two
	// are not the same by RFC 3986: while spec.callbackUrl stays as it is, the platform's spelling counts as equal.
	// +optional
	SentCallbackURL string `json:"sentCallbackUrl,omitempty"`

	// created is the platform's own time of creation.
	// +optional
	Created *metav1.MicroTime `json:"created,omitempty"`

	// modified is the platform's own time of the last change that the operator made, or of what it took over. Another
	// time on the platform is a change by another client.
	// +optional
	Modified *metav1.MicroTime `json:"modified,omitempty"`

	// secretName is the Secret whose value the platform has.
	// +optional
	SecretName string `json:"secretName,omitempty"`

	// secretVersion is the resourceVersion of that Secret when its value was sent.
	// +optional
	SecretVersion string `json:"secretVersion,omitempty"`

	// secretFingerprint identifies the value that the platform has without revealing it: an HMAC under the operator key.
	// +optional
	SecretFingerprint string `json:"secretFingerprint,omitempty"`

	// deactivations counts how often the webhook was turned off on the platform: by itself after failed deliveries, or by
	// another client.
	// +optional
	Deactivations int64 `json:"deactivations,omitempty"`

	// lastDeactivationTime is when the last deactivation was noticed.
	// +optional
	LastDeactivationTime *metav1.MicroTime `json:"lastDeactivationTime,omitempty"`

	// lastReactivationTime is when the operator last turned the webhook on again.
	// +optional
	LastReactivationTime *metav1.MicroTime `json:"lastReactivationTime,omitempty"`

	// nextReactivationTime is when the operator will turn the webhook on again, while it pauses before doing so.
	// +optional
	NextReactivationTime *metav1.MicroTime `json:"nextReactivationTime,omitempty"`

	// refusedRequest is the fingerprint of the request that the platform refused; it is not sent again.
	// +optional
	RefusedRequest string `json:"refusedRequest,omitempty"`

	// lastHandledReactivateAt echoes the last handled value of the annotation reactivate-requested-at.
	// +optional
	LastHandledReactivateAt string `json:"lastHandledReactivateAt,omitempty"`

	// lastHandledReconcileAt echoes the last handled value of the annotation reconcile-requested-at.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// lastHandledRotateAt echoes the last handled value of the annotation rotate-requested-at.
	// +optional
	LastHandledRotateAt string `json:"lastHandledRotateAt,omitempty"`

	// conditions are Ready and Active, and while true Reconciling, Stalled, LeftBehind or Suspended.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Webhook keeps one webhook of the iTwin Platform equal to its spec.
// +kubebuilder:validation:XValidation:rule=`has(self.spec.secretRef) || self.metadata.name.size() <= 238`,fieldPath=".metadata",message="metadata.name must be at most 238 characters unless spec.secretRef is set: the generated Secret is named as the Webhook plus -webhook-secret"
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=itwh,categories=itwin
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.conditions[?(@.type=="Active")].status`
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="Scope",type=string,JSONPath=`.spec.scope`
// +kubebuilder:printcolumn:name="Callback",type=string,JSONPath=`.spec.callbackUrl`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Webhook ID",type=string,priority=1,JSONPath=`.status.webhookId`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Webhook struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the remote webhook should be.
	// +required
	Spec WebhookSpec `json:"spec"`
	// status is what is known of the remote webhook.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status WebhookStatus `json:"status,omitzero"`
}

// WebhookList is a list of Webhooks. Its items are pointers, so that a list from a cache copies none of them.
// +kubebuilder:object:root=true
type WebhookList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []*Webhook `json:"items"`
}

// WantsActive reports whether the spec asks the platform to deliver events.
func (w *Webhook) WantsActive() bool { return w.Spec.Active == nil || *w.Spec.Active }

// GeneratesSecret reports whether the operator keeps the signing secret itself.
func (w *Webhook) GeneratesSecret() bool { return w.Spec.SecretRef == nil }

// SecretUnknown reports whether the remote webhook was imported and keeps a signing secret that the operator does not
// know: its receivers verify with it, and the next update replaces it by that of a generated Secret.
func (w *Webhook) SecretUnknown() bool {
	return w.GeneratesSecret() && w.Status.WebhookID != "" && w.Status.SecretName == "" && w.Status.SecretFingerprint == ""
}

// GeneratedSecretSuffix is what a generated Secret's name adds to the name of its Webhook.
const GeneratedSecretSuffix = "-webhook-secret"

// DefaultSecretKey is the key of a signing secret when the spec names none.
const DefaultSecretKey = "secret"

// PreviousSecretKey is the key of the value before the last rotation, in a Secret that the operator keeps: receivers can
// accept both while they reload.
const PreviousSecretKey = "previous"

// SigningSecret returns the name and key of the Secret in use, given or generated.
func (w *Webhook) SigningSecret() SecretKeyReference {
	if w.GeneratesSecret() {
		return SecretKeyReference{Name: w.Name + GeneratedSecretSuffix, Key: DefaultSecretKey}
	}
	ref := *w.Spec.SecretRef
	if ref.Key == "" {
		ref.Key = DefaultSecretKey
	}
	return ref
}
