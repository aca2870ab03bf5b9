package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RateLimit bounds the calls to the Webhooks API of one connection. No window of a minute (or hour) sees more.
type RateLimit struct {
	// requestsPerMinute: a bucket holds a quarter of it, and fills with the rest in the course of a minute.
	// +kubebuilder:default=500
	// +kubebuilder:validation:Minimum=4
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// requestsPerHour bounds the hour as well, as the smallest subscription does (5,000). Absent: no such bound.
	// +kubebuilder:validation:Minimum=120
	// +kubebuilder:validation:Maximum=60000000
	// +optional
	RequestsPerHour *int32 `json:"requestsPerHour,omitempty"`
}

// CABundleReference names a key with PEM certificates.
type CABundleReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// key in the Secret's data.
	// +kubebuilder:default=ca.crt
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Key string `json:"key,omitempty"`
}

// CredentialsReference names the Secret that holds clientId and clientSecret.
type CredentialsReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// namespace of the Secret: required for a ClusterConnection, refused for a Connection.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// ConnectionSpec says how to reach the platform, and as whom.
type ConnectionSpec struct {
	// apiUrl of the platform. https; http only for loopback hosts.
	// +kubebuilder:default="https://api.bentley.com"
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	APIURL string `json:"apiUrl,omitempty"`

	// tokenUrl that issues access tokens. https; http only for loopback hosts.
	// +kubebuilder:default="https://ims.bentley.com/connect/token"
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	TokenURL string `json:"tokenUrl,omitempty"`

	// credentialsSecretRef names the Secret with the keys clientId and clientSecret of a Service Application.
	// +required
	CredentialsSecretRef CredentialsReference `json:"credentialsSecretRef"`

	// oauthScope that is asked for.
	// +kubebuilder:default=itwin-platform
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	OAuthScope string `json:"oauthScope,omitempty"`

	// pollInterval is how old the picture of the remote side may get. 10s or more.
	// +kubebuilder:default="1m"
	// +optional
	PollInterval metav1.Duration `json:"pollInterval,omitzero"`

	// rateLimit bounds the calls.
	// +kubebuilder:default={}
	// +optional
	RateLimit RateLimit `json:"rateLimit,omitzero"`

	// caBundleSecretRef names PEM certificates to trust beside the system's, in the credentials' namespace.
	// +optional
	CABundleSecretRef *CABundleReference `json:"caBundleSecretRef,omitempty"`

	// allowedNamespaces selects, by label, the namespaces whose Webhooks may use a ClusterConnection. Absent: none.
	// +optional
	AllowedNamespaces *metav1.LabelSelector `json:"allowedNamespaces,omitempty"`

	// allowedCallbackHosts bounds the hosts of callbackUrl: each exact, or with one leading "*.". Absent: any.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +optional
	AllowedCallbackHosts []string `json:"allowedCallbackHosts,omitempty"`
}

// ConnectionStatus is what is known of a connection.
type ConnectionStatus struct {
	// observedGeneration is the generation of the spec that the conditions speak of; -1 until it was first read.
	// +kubebuilder:default=-1
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// webhooks counts the Webhooks that use this connection, as of the last poll.
	// +optional
	Webhooks *int32 `json:"webhooks,omitempty"`

	// unmanagedWebhooks counts the remote webhooks of this application that no Webhook claims, as of the last poll.
	// +optional
	UnmanagedWebhooks *int32 `json:"unmanagedWebhooks,omitempty"`

	// conditions: Ready, and while true Reconciling or Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
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
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec ConnectionSpec `json:"spec"`
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
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec ConnectionSpec `json:"spec"`
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
	ConnectionSpec() *ConnectionSpec
	ConnectionStatus() *ConnectionStatus
	// CredentialsNamespace is where the Secrets of this connection live.
	CredentialsNamespace() string
}

// ConnectionSpec returns the spec.
func (c *Connection) ConnectionSpec() *ConnectionSpec { return &c.Spec }

// ConnectionStatus returns the status.
func (c *Connection) ConnectionStatus() *ConnectionStatus { return &c.Status }

// CredentialsNamespace is the Connection's own namespace.
func (c *Connection) CredentialsNamespace() string { return c.Namespace }

// ConnectionSpec returns the spec.
func (c *ClusterConnection) ConnectionSpec() *ConnectionSpec { return &c.Spec }

// ConnectionStatus returns the status.
func (c *ClusterConnection) ConnectionStatus() *ConnectionStatus { return &c.Status }

// CredentialsNamespace is the namespace that the spec names.
func (c *ClusterConnection) CredentialsNamespace() string {
	return c.Spec.CredentialsSecretRef.Namespace
}
