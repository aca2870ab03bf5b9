package advice

import itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"

const readSecret = "kubectl -n <namespace> describe secret <secret>" //nolint:gosec // names, no credential

// connection is the advice about a reason of a connection's Ready condition.
func connection(reason, means, next, do string, commands ...string) Advice {
	return Advice{
		Kind: Connection, Condition: itwinv1alpha1.ReadyCondition, Reason: reason,
		Means: means, Next: next, Do: do, Commands: commands,
	}
}

// ofConnections is about the Ready condition of a Connection and of a ClusterConnection.
var ofConnections = []Advice{
	connection("",
		"The operator has not read this connection yet: it does not run, has no leader, or does not watch this "+
			"namespace. An operator that is installed for one namespace reads no ClusterConnections.",
		"Check that the operator runs and watches this namespace", "", check),
	connection(itwinv1alpha1.ConnectedReason,
		"The last list of the remote webhooks succeeded.",
		"",
		"`status.unmanagedWebhooks` counts the remote webhooks that no Webhook claims.",
		readConnection),
	connection(itwinv1alpha1.SecretNotFoundReason,
		"The Secret with the credentials or the CA bundle, or a key in it, does not exist or cannot be used.",
		"Create or correct the Secret that the message names; nothing else is needed",
		"The credentials' Secret has the keys `clientId` and `clientSecret`. For a ClusterConnection it is in the "+
			"namespace that `credentialsSecretRef.namespace` names. `describe` shows the keys and lengths of a Secret, "+
			"not its values.",
		readSecret),
	connection(itwinv1alpha1.UnauthorizedReason,
		"The platform refuses the credentials, or they lack a permission. Credentials that worked before stay in use "+
			"until another value is accepted.",
		"Correct the Secret with the credentials, or grant the application the permission that the message names",
		"Check that the Service Application exists, that its secret has not expired, and that `oauthScope` is one that "+
			"it has. A new value of the Secret is tried at once.",
		readConnection, readSecret),
	connection(itwinv1alpha1.HostNotAllowedReason,
		"The installation does not allow the host of `apiUrl` or `tokenUrl`.",
		"Correct the URL, or ask the operator's owner for --allowed-api-hosts",
		"By default the hosts of the iTwin Platform are allowed: [allowed hosts](security.md#allowed-hosts).",
		readConnection),
	connection(itwinv1alpha1.RateLimitedReason,
		"The platform said that too many requests were made. The limit is that of all programs that use the same "+
			"client ID.",
		"Wait; or lower rateLimit.requestsPerMinute, so that other programs have a part of the limit",
		"What waits is sent as soon as the platform allows. A larger subscription has a larger limit. If lists take "+
			"most of it, lengthen `spec.pollInterval`.",
		`kubectl -n <namespace> get <connection> -o jsonpath='{.status.rateLimit}'`),
	connection(itwinv1alpha1.PlatformUnavailableReason,
		"The platform, or what issues its tokens, does not answer as documented. Remote webhooks go on delivering; "+
			"changes wait, and a webhook that the platform turns off is not noticed.",
		"Wait; the message says what was seen",
		"If it is not the platform, it is the way to it: DNS, an egress policy, a [proxy](deployment.md#proxy), a "+
			"certificate. `check` tries the way from where you are, which may be another one than the operator's.",
		readConnection, check),
	connection(itwinv1alpha1.KubernetesRefusedReason,
		"The Kubernetes API server refused a request that this connection needs, or has failed it for 10 s. What was "+
			"connected before stays connected.",
		"Give the operator back the right that the message names",
		"Most often the operator may not read the Secret: its RBAC was changed. It is tried again every 30 s.",
		readConnection),
}
