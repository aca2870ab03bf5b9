package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// RateLimit bounds the calls to the Webhooks API of one connection. No window of a minute (or hour) sees more, but for
// one in which the operator starts again, or a standby takes over: that one does not know of the calls before. All
// connections to one account together are bound by the largest.
type RateLimit struct {
	// requestsPerMinute is the most that are sent in any 60 seconds, counted from zero when the operator starts. Absent:
	// 500, or what the platform's answers show that the subscription grants, if they name a larger one.
	// +kubebuilder:validation:Minimum=4
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// requestsPerHour is the most that are sent in any hour, counted from zero when the operator starts. Absent: no such
	// bound, unless the platform's answers name a subscription that has one (5,000).
	// +kubebuilder:validation:Minimum=120
	// +kubebuilder:validation:Maximum=60000000
	// +optional
	RequestsPerHour *int32 `json:"requestsPerHour,omitempty"`
}

// CABundleReference names a key with PEM certificates.
type CABundleReference struct {
	// name of the Secret.
	// +required
	Name SecretName `json:"name"`

	// key in the Secret's data.
	// +kubebuilder:default=ca.crt
	// +optional
	Key SecretKey `json:"key,omitempty"`
}

// CredentialsReference names the Secret that holds clientId and clientSecret.
type CredentialsReference struct {
	// name of the Secret.
	// +required
	Name SecretName `json:"name"`

	// namespace of the Secret: required for a ClusterConnection, refused for a Connection.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`!format.dns1123Label().validate(self).hasValue()`,message="namespace must be the name of a namespace: lower case letters, digits and '-', beginning and ending with a letter or digit"
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// AllowAdoption says whether existing remote webhooks may be taken over through a connection.
// +kubebuilder:validation:Enum=None;Matching
type AllowAdoption string

const (
	// AllowAdoptionNone lets no Webhook take over a remote webhook that the operator did not create for it.
	AllowAdoptionNone AllowAdoption = "None"
	// AllowAdoptionMatching lets Webhooks take over remote webhooks that no Webhook owns.
	AllowAdoptionMatching AllowAdoption = "Matching"
)

// ConnectionSpec says how to reach the platform, and with which credentials.
type ConnectionSpec struct {
	// apiUrl of the platform. https; http only for loopback hosts.
	// +kubebuilder:default="https://api.bentley.com"
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://|^http://(localhost|127(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[::1\])([:/?#]|$)')`,message="apiUrl must begin with https://, in lower case; http:// is accepted only for the loopback hosts localhost, 127.0.0.0/8 and [::1]"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([-A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2})*$")`,message="apiUrl must hold only the characters of a URL: percent-encode any other, and write an international host name in its xn-- form"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^[^/?#]*//[^/?#]*@')`,message="apiUrl must not have a user name or password before the host"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || (self.matches(r'^https?://([^/?#]*@)?(([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.?|((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|\[[0-9A-Fa-f:.]+\])(:[^/?#]*)?([/?#]|$)') && !self.matches(r'^https?://[^/?#]{260,}') && (!self.matches(r'^https?://([^/?#]*@)?\[') || isIP(self.find(r'\[[^\]]*').substring(1))))`,message="apiUrl must have a host after the scheme: a DNS name, an IPv4 address, or an IPv6 address in brackets, as in https://api.bentley.com"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):[^/?#@]*([/?#]|$)') || self.matches(r'^https?://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([/?#]|$)')`,message="apiUrl must have a port from 1 to 65535, or none"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[?#]')`,message="apiUrl must not have a query or a fragment: remove the ? or # and what follows it"
	// +optional
	APIURL string `json:"apiUrl,omitempty"`

	// tokenUrl that issues access tokens. https; http only for loopback hosts.
	// +kubebuilder:default="https://ims.bentley.com/connect/token"
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://|^http://(localhost|127(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[::1\])([:/?#]|$)')`,message="tokenUrl must begin with https://, in lower case; http:// is accepted only for the loopback hosts localhost, 127.0.0.0/8 and [::1]"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([-A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2})*$")`,message="tokenUrl must hold only the characters of a URL: percent-encode any other, and write an international host name in its xn-- form"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^[^/?#]*//[^/?#]*@')`,message="tokenUrl must not have a user name or password before the host"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || (self.matches(r'^https?://([^/?#]*@)?(([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.?|((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|\[[0-9A-Fa-f:.]+\])(:[^/?#]*)?([/?#]|$)') && !self.matches(r'^https?://[^/?#]{260,}') && (!self.matches(r'^https?://([^/?#]*@)?\[') || isIP(self.find(r'\[[^\]]*').substring(1))))`,message="tokenUrl must have a host after the scheme: a DNS name, an IPv4 address, or an IPv6 address in brackets, as in https://ims.bentley.com/connect/token"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):[^/?#@]*([/?#]|$)') || self.matches(r'^https?://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([/?#]|$)')`,message="tokenUrl must have a port from 1 to 65535, or none"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[?#]')`,message="tokenUrl must not have a query or a fragment: remove the ? or # and what follows it"
	// +optional
	TokenURL string `json:"tokenUrl,omitempty"`

	// credentialsSecretRef names the Secret with the keys clientId and clientSecret of a Service Application.
	// +required
	CredentialsSecretRef CredentialsReference `json:"credentialsSecretRef"`

	// oauthScope that is asked for; several are separated by one space.
	// +kubebuilder:default=itwin-platform
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+( [!#-\[\]-~]+)*$')`,message="oauthScope must be one or more scopes separated by one space, such as itwin-platform"
	// +optional
	OAuthScope string `json:"oauthScope,omitempty"`

	// pollInterval is the maximum age of the cached remote state: from 10s to 24h. Of several connections to one account
	// the shortest counts.
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule=`self != '' && self.matches(r'^([0-9]{1,6}(\.[0-9]{1,9})?h)?([0-9]{1,6}(\.[0-9]{1,9})?m)?([0-9]{1,6}(\.[0-9]{1,9})?s)?([0-9]{1,6}ms)?$')`,message="pollInterval must be a duration in hours, minutes and seconds, such as 30s, 1m or 1h30m"
	// +kubebuilder:validation:XValidation:rule=`self == '' || !self.matches(r'^([0-9]{1,6}(\.[0-9]{1,9})?h)?([0-9]{1,6}(\.[0-9]{1,9})?m)?([0-9]{1,6}(\.[0-9]{1,9})?s)?([0-9]{1,6}ms)?$') || (duration(self) >= duration('10s') && duration(self) <= duration('24h'))`,message="pollInterval must be from 10s to 24h"
	// +optional
	PollInterval metav1.Duration `json:"pollInterval,omitzero"`

	// rateLimit bounds the calls.
	// +optional
	RateLimit RateLimit `json:"rateLimit,omitzero"`

	// caBundleSecretRef names PEM certificates to trust beside the system's, in the credentials' namespace.
	// +optional
	CABundleSecretRef *CABundleReference `json:"caBundleSecretRef,omitempty"`

	// allowedNamespaces selects, by label, the namespaces whose Webhooks may use a ClusterConnection. Absent: none;
	// empty ({}): all.
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn', 'Exists', 'DoesNotExist'])`,fieldPath=".matchExpressions",message="matchExpressions must each have the operator In, NotIn, Exists or DoesNotExist"
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['Exists', 'DoesNotExist'] ? !has(e.values) || e.values.size() == 0 : has(e.values) && e.values.size() > 0)`,fieldPath=".matchExpressions",message="matchExpressions must each have values with the operators In and NotIn, and none with Exists and DoesNotExist"
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchExpressions) || self.matchExpressions.all(e, e.key.size() >= 1 && e.key.size() <= 317)`,fieldPath=".matchExpressions",message="matchExpressions must each have the key of a label, such as team or example.com/team"
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchLabels) || self.matchLabels.all(k, k.size() >= 1 && k.size() <= 317 && self.matchLabels[k].size() <= 63)`,fieldPath=".matchLabels",message="matchLabels must map the keys of labels to values of at most 63 characters"
	// +optional
	AllowedNamespaces *metav1.LabelSelector `json:"allowedNamespaces,omitempty"`

	// allowedCallbackHosts bounds the hosts of callbackUrl: each exact, or with one leading "*.". Absent: any.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')`,message="allowedCallbackHosts must each be a DNS name in lower case, such as hooks.example.com, or one after a leading '*.', such as *.example.com: no scheme, port, path, trailing dot or IP address"
	// +optional
	AllowedCallbackHosts []string `json:"allowedCallbackHosts,omitempty"`

	// allowAdoption says whether Webhooks of this connection may take over remote webhooks that the operator did not
	// create for them: by adoptionPolicy Matching, by spec.webhookId, or by an id in their annotations that no proof of
	// ownership goes with. Absent: Matching for a Connection, None for a ClusterConnection.
	// +optional
	AllowAdoption AllowAdoption `json:"allowAdoption,omitempty"`
}

// ConnectionStatus is what is known of a connection.
type ConnectionStatus struct {
	// observedGeneration is the generation of the spec that the conditions speak of; -1 until it was first read.
	// +kubebuilder:default=-1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// account that the connection reached last, as in the status of Webhooks.
	// +optional
	Account string `json:"account,omitempty"`

	// webhooks counts the Webhooks that use this connection, as of the last poll.
	// +optional
	Webhooks *int32 `json:"webhooks,omitempty"`

	// unmanagedWebhooks counts the remote webhooks of this application that no Webhook claims, as of the last poll.
	// +optional
	UnmanagedWebhooks *int32 `json:"unmanagedWebhooks,omitempty"`

	// rateLimit is what bounds the calls of this connection, as of the last poll.
	// +optional
	RateLimit *RateLimitStatus `json:"rateLimit,omitempty"`

	// conditions are Ready, and while true Reconciling or Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RateLimitSource is where a limit comes from.
// +kubebuilder:validation:Enum=Assumed;Spec;Platform
type RateLimitSource string

// The sources of limits.
const (
	// RateLimitAssumed is what the smallest subscription allows, as long as the platform's answers show no more.
	RateLimitAssumed RateLimitSource = "Assumed"
	// RateLimitSpec is what spec.rateLimit says.
	RateLimitSpec RateLimitSource = "Spec"
	// RateLimitPlatform is what the platform's answers show.
	RateLimitPlatform RateLimitSource = "Platform"
)

// RateLimitStatus is the rate limit in force. It is written again when it changes by more than a tenth.
type RateLimitStatus struct {
	// requestsPerMinute is the most that are sent in any 60 seconds.
	// +optional
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// requestsPerMinuteSource says where it comes from: Assumed, Spec or Platform.
	// +optional
	RequestsPerMinuteSource RateLimitSource `json:"requestsPerMinuteSource,omitempty"`

	// requestsPerHour is the most that are sent in any hour; absent without such a bound.
	// +optional
	RequestsPerHour int32 `json:"requestsPerHour,omitempty"`

	// requestsPerHourSource says where it comes from: Spec or Platform.
	// +optional
	RequestsPerHourSource RateLimitSource `json:"requestsPerHourSource,omitempty"`

	// subscription is the name of the subscription, where an answer of the platform had it.
	// +optional
	Subscription string `json:"subscription,omitempty"`
}

// Connection lets the Webhooks of its namespace reach the platform.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=itwin
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Webhooks",type=integer,JSONPath=`.status.webhooks`
// +kubebuilder:printcolumn:name="Unmanaged",type=integer,JSONPath=`.status.unmanagedWebhooks`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="API",type=string,priority=1,JSONPath=`.spec.apiUrl`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Connection struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is how the platform is reached.
	// +kubebuilder:validation:XValidation:rule=`!has(self.credentialsSecretRef.namespace)`,fieldPath=".credentialsSecretRef.namespace",reason=FieldValueForbidden,message="namespace must be absent on a Connection: its Secrets are in its own namespace"
	// +kubebuilder:validation:XValidation:rule=`!has(self.allowedNamespaces)`,fieldPath=".allowedNamespaces",reason=FieldValueForbidden,message="allowedNamespaces must be absent on a Connection: only a ClusterConnection serves other namespaces"
	// +required
	Spec ConnectionSpec `json:"spec"`
	// status is what is known of the connection.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ConnectionStatus `json:"status,omitzero"`
}

// ConnectionList is a list of Connections.
// +kubebuilder:object:root=true
type ConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Connection `json:"items"`
}

// ClusterConnection lets the Webhooks of selected namespaces reach the platform.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=itwin
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Webhooks",type=integer,JSONPath=`.status.webhooks`
// +kubebuilder:printcolumn:name="Unmanaged",type=integer,JSONPath=`.status.unmanagedWebhooks`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="API",type=string,priority=1,JSONPath=`.spec.apiUrl`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type ClusterConnection struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is how the platform is reached.
	// +kubebuilder:validation:XValidation:rule=`has(self.credentialsSecretRef.namespace)`,fieldPath=".credentialsSecretRef.namespace",reason=FieldValueRequired,message="namespace must be the namespace of the Secret on a ClusterConnection"
	// +required
	Spec ConnectionSpec `json:"spec"`
	// status is what is known of the connection.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status ConnectionStatus `json:"status,omitzero"`
}

// ClusterConnectionList is a list of ClusterConnections.
// +kubebuilder:object:root=true
type ClusterConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterConnection `json:"items"`
}

// ConnectionObject is a Connection or a ClusterConnection: one reconciler serves both.
// +kubebuilder:object:generate=false
type ConnectionObject interface {
	metav1.Object
	runtime.Object
	ConnectionSpec() *ConnectionSpec
	ConnectionStatus() *ConnectionStatus
	// CredentialsNamespace is where the Secrets of this connection live.
	CredentialsNamespace() string
	// AllowsAdoption reports whether Webhooks may take over remote webhooks that the operator did not create for them.
	AllowsAdoption() bool
}

// ConnectionSpec returns the spec.
func (c *Connection) ConnectionSpec() *ConnectionSpec { return &c.Spec }

// ConnectionStatus returns the status.
func (c *Connection) ConnectionStatus() *ConnectionStatus { return &c.Status }

// CredentialsNamespace is the Connection's own namespace.
func (c *Connection) CredentialsNamespace() string { return c.Namespace }

// AllowsAdoption reports whether allowAdoption is Matching, the default of a Connection.
func (c *Connection) AllowsAdoption() bool { return c.Spec.AllowAdoption != AllowAdoptionNone }

// ConnectionSpec returns the spec.
func (c *ClusterConnection) ConnectionSpec() *ConnectionSpec { return &c.Spec }

// ConnectionStatus returns the status.
func (c *ClusterConnection) ConnectionStatus() *ConnectionStatus { return &c.Status }

// CredentialsNamespace is the namespace that the spec names.
func (c *ClusterConnection) CredentialsNamespace() string {
	return c.Spec.CredentialsSecretRef.Namespace
}

// AllowsAdoption reports whether allowAdoption is Matching; the default of a ClusterConnection is None.
func (c *ClusterConnection) AllowsAdoption() bool {
	return c.Spec.AllowAdoption == AllowAdoptionMatching
}
