package v1alpha1

// Condition types. Reconciling and Stalled follow kstatus: they are present only while true.
const (
	// ReadyCondition is True while the platform has what the spec says.
	ReadyCondition = "Ready"
	// ActiveCondition reports whether the platform delivers events, and if not, why.
	ActiveCondition = "Active"
	// ReconcilingCondition is True while a change waits for the platform.
	ReconcilingCondition = "Reconciling"
	// StalledCondition is True when the object needs a person; what failed is retried rarely.
	StalledCondition = "Stalled"
	// LeftBehindCondition is present, and True, while a remote webhook that was given up is in an account that no
	// connection reaches any more.
	LeftBehindCondition = "LeftBehind"
	// SuspendedCondition is present, and True, while spec.suspend is set: status.observedGeneration moves, and Ready stays
	// as it was, of the generation that it observed last.
	SuspendedCondition = "Suspended"
)

// Reasons of a Webhook's Ready condition.
const (
	// InSyncReason: the platform has what the spec says.
	InSyncReason = "InSync"
	// DeactivatedReason: the webhook was turned off on the platform, by it or by another client, and has not been
	// reactivated. With reactivationPolicy OnRequest that needs a person.
	DeactivatedReason = "Deactivated"
	// ConnectionNotFoundReason: the object that connectionRef names does not exist.
	ConnectionNotFoundReason = "ConnectionNotFound"
	// ConnectionNotReadyReason: the connection cannot log in to the platform.
	ConnectionNotReadyReason = "ConnectionNotReady"
	// ConnectionNotAllowedReason: the connection refuses this namespace or this callback host; or it does not allow the
	// import of an existing remote webhook.
	ConnectionNotAllowedReason = "ConnectionNotAllowed"
	// SecretNotFoundReason: the Secret, or its key, does not exist.
	SecretNotFoundReason = "SecretNotFound"
	// SecretInvalidReason: the Secret's value cannot be used, for example because it is too short or ends with a newline;
	// or the generated Secret's name is taken, or that Secret is immutable and should be rotated.
	SecretInvalidReason = "SecretInvalid"
	// RefusedReason: the platform refused this spec, or the webhook to import has another scope; a person must act.
	RefusedReason = "Refused"
	// RateLimitedReason: a change waits because of the platform's rate limit.
	RateLimitedReason = "RateLimited"
	// PlatformUnavailableReason: a change waits because the platform does not answer as documented.
	PlatformUnavailableReason = "PlatformUnavailable"
	// KubernetesRefusedReason: the API server refused a request that the object needs: a quota, an admission policy, a
	// missing permission, an immutable Secret.
	KubernetesRefusedReason = "KubernetesRefused"
	// ProgressingReason: a Webhook that was seen but not carried out yet waits for a list, for what an interrupted create
	// may still do, or for the cache after a start.
	ProgressingReason = "Progressing"
	// NotFoundReason: the webhook that spec.webhookId imports does not exist.
	NotFoundReason = "NotFound"
	// AlreadyClaimedReason: another Webhook already manages the remote webhook that this one wants; or spec.webhookId
	// names another one than this Webhook has, or an imported one whose account connectionRef no longer reaches.
	AlreadyClaimedReason = "AlreadyClaimed"
	// DriftedReason: another client of the platform keeps changing the remote webhook; the next correction waits.
	DriftedReason = "Drifted"
	// LeftBehindReason: the only reason of the LeftBehind condition. As a reason of Ready it says that too many remote
	// webhooks wait for their removal for another one to be created.
	LeftBehindReason = "LeftBehind"
	// DeletingReason: the remote delete has not succeeded yet.
	DeletingReason = "Deleting"
	// SuspendedReason: the only reason of the Suspended condition.
	SuspendedReason = "Suspended"
)

// Reasons of a Webhook's Active condition, beside DeactivatedReason.
const (
	// ActiveReason: the platform delivers events.
	ActiveReason = "Active"
	// InactiveReason: the webhook is off because the spec says so, or because it was not activated yet.
	InactiveReason = "Inactive"
)

// Reasons of a Connection's Ready condition, beside SecretNotFoundReason, RateLimitedReason,
// PlatformUnavailableReason and KubernetesRefusedReason.
const (
	// ConnectedReason: the last list of the remote webhooks succeeded.
	ConnectedReason = "Connected"
	// UnauthorizedReason: the platform refuses the credentials.
	UnauthorizedReason = "Unauthorized"
	// HostNotAllowedReason: the installation does not allow the host of apiUrl or tokenUrl.
	HostNotAllowedReason = "HostNotAllowed"
)

const (
	// WebhookFinalizer keeps a Webhook until its remote webhook is gone.
	WebhookFinalizer = "itwin.webhook-operator.io/webhook"

	// WebhookIDAnnotation is the id of the remote webhook that a Webhook owns. The operator writes it before anything
	// else after a create, so that a backup restored without status finds its webhook again. An id that OwnerAnnotation
	// does not prove is a request to import, which the connection's allowAdoption governs.
	WebhookIDAnnotation = "itwin.webhook-operator.io/webhook-id"
	// OwnerAnnotation proves, under the operator key, that the id of WebhookIDAnnotation is this Webhook's own: an HMAC
	// of the account, the id, and the Webhook's namespace and name. The operator writes both together.
	OwnerAnnotation = "itwin.webhook-operator.io/owner"
	// FormerAnnotation lists, each with a proof, the remote webhooks that this Webhook has given up and that must still
	// be removed: at most 8.
	FormerAnnotation = "itwin.webhook-operator.io/former"
	// ReactivateRequestedAtAnnotation asks, with any new value, to reactivate a webhook that the platform turned off.
	ReactivateRequestedAtAnnotation = "itwin.webhook-operator.io/reactivate-requested-at"
	// ReconcileRequestedAtAnnotation asks, with any new value, to compare with the platform now.
	ReconcileRequestedAtAnnotation = "itwin.webhook-operator.io/reconcile-requested-at"
	// RotateRequestedAtAnnotation asks, with any new value, for a new value of a generated signing secret.
	RotateRequestedAtAnnotation = "itwin.webhook-operator.io/rotate-requested-at"
	// SecretTemplateAnnotation lists, on a generated Secret, the keys of the labels and annotations that come from
	// spec.secretTemplate: what other clients set stays when the template changes.
	SecretTemplateAnnotation = "itwin.webhook-operator.io/secret-template" //nolint:gosec // a name, no credential
)
