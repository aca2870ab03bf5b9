package advice

import itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"

// What several rows run.
const (
	readMessage    = "kubectl itwin status <name> -n <namespace> -o wide"
	readEvents     = "kubectl -n <namespace> events --for webhook/<name>"
	reconcile      = "kubectl itwin reconcile <name> -n <namespace> --wait"
	reactivate     = "kubectl itwin reactivate <name> -n <namespace> --wait"
	tryRoute       = "kubectl itwin test <name> -n <namespace>"
	check          = "kubectl itwin check -n <namespace>"
	readConnection = "kubectl -n <namespace> get <connection> -o wide"
	retain         = `kubectl -n <namespace> patch webhook <name> --type=merge -p '{"spec":{"deletionPolicy":"Retain"}}'`
)

// ready is the advice about a reason of a Webhook's Ready condition.
func ready(reason, means, next, do string, commands ...string) Advice {
	return Advice{
		Kind: Webhook, Condition: itwinv1alpha1.ReadyCondition, Reason: reason,
		Means: means, Next: next, Do: do, Commands: commands,
	}
}

// ofReady is about the Ready condition of a Webhook.
var ofReady = []Advice{
	ready("",
		"The operator has not read this Webhook, or its latest spec, yet: it does not run, has no leader, or is not "+
			"meant to watch this namespace or these labels.",
		"Check that the operator runs and watches this namespace",
		"`check` shows whether the operator runs and leads. If it does, compare its flags `--watch-namespace` and "+
			"`--watch-label-selector` with the namespace and the labels of the Webhook. A Webhook that was suspended from "+
			"the start has no `Ready` either: see [Suspended](#suspended-suspended).",
		check),
	ready(itwinv1alpha1.InSyncReason,
		"The platform has what the spec says.",
		"",
		"If the message names another Webhook, both deliver the same events to the same callback: take the event types "+
			"from one of the two, if that is not meant. If events do not arrive although the webhook is active, test the "+
			"route to the receiver with `kubectl itwin test`: it has to answer 200 within 5 seconds.",
		readMessage, tryRoute),
	ready(itwinv1alpha1.DeactivatedReason,
		"The webhook was turned off on the platform: by itself, after an event could not be delivered for three days, "+
			"or by another client. No events are delivered, and those of the time in which it is off are lost. With "+
			"`reactivationPolicy: OnRequest` it stays off until a person asks; with `Always` the operator turns it on "+
			"again at the time that the message names.",
		afterDeactivation,
		"The receiver has to be reachable from the internet and to answer 200 within 5 seconds; a receiver that "+
			"verifies signatures must have the secret that the platform has (`status.secretName`). `kubectl itwin test` "+
			"sends it a signed event. If it answers well, find what else turns the webhook off: a script, a person, or an "+
			"operator in another cluster with the same credentials. If the Webhook was imported and its signing secret is "+
			"[unknown](api.md#the-secret-of-an-import) (`status.secretName` is empty), a reactivation replaces the secret, "+
			"and the receivers refuse all events: first set `secretRef` to a Secret with the value that they have.",
		tryRoute, reactivate, readEvents),
	ready(itwinv1alpha1.ConnectionNotFoundReason,
		"There is no connection of the kind and name that `spec.connectionRef` gives. A Webhook without "+
			"`connectionRef` uses the Connection `default` of its namespace.",
		"Create <connection>, or correct spec.connectionRef",
		"An operator that is installed for one namespace knows no ClusterConnections.",
		"kubectl get connections,clusterconnections -n <namespace>",
		"kubectl explain webhook.spec.connectionRef"),
	ready(itwinv1alpha1.ConnectionNotReadyReason,
		"The connection cannot be used: its Secret is missing, the platform does not accept its credentials, or a host "+
			"is not allowed; or the platform answered 401 to a write. What the platform has stays as it is.",
		"See why <connection> is not ready",
		"Its own condition says why: [Connections](#connection).",
		readConnection, check),
	ready(itwinv1alpha1.ConnectionNotAllowedReason,
		"The ClusterConnection does not allow this namespace (`allowedNamespaces`), or the connection not this "+
			"callback host (`allowedCallbackHosts`), or not the import of an existing webhook (`allowAdoption`). A remote "+
			"webhook that the Webhook owns is [turned off](api.md#permission-that-is-withdrawn) meanwhile.",
		"Ask the owner of <connection> to allow it, or use another connection",
		"The message says which of the three it is. It is tried again as soon as the connection or the namespace's "+
			"labels change.",
		readMessage, readConnection),
	ready(itwinv1alpha1.SecretNotFoundReason,
		"The Secret that `spec.secretRef` names, or its key, does not exist; or the generated Secret of a Webhook that "+
			"was restored from a backup is not there yet. A new Webhook is not turned on; one that has a secret on the "+
			"platform goes on with that.",
		"Create Secret <secret> with key <key>, or restore it from the backup",
		"The value is text of 32 characters or more, without a newline at its end. For an import (`webhookId`) it has to "+
			"be the one that the receivers have: give a file with it by `--from-file=secret=FILE` instead of "+
			"`--from-literal`. If an ExternalSecret, a SealedSecret or a SOPS file should make the Secret, look at its own "+
			"status.",
		`kubectl -n <namespace> create secret generic <secret> --from-literal=<key>="$(openssl rand -hex 32)"`),
	ready(itwinv1alpha1.SecretInvalidReason,
		"The signing secret has fewer than 32 characters, ends with a newline, or is not text; or the name of the "+
			"generated Secret is taken by one that the operator did not make; or a generated Secret is immutable and "+
			"should be rotated.",
		"Correct the Secret as the message says; nothing else is needed",
		"The operator watches the Secret, and sends another value at once. An immutable Secret has to be deleted: it "+
			"is generated again. Receivers need the new value too.",
		readMessage),
	ready(itwinv1alpha1.RefusedReason,
		"The platform refused what this spec asks for; its own words are in the message. Or `webhookId` names a remote "+
			"webhook of another scope, which is left alone. What the platform had before stays as it is.",
		"Change what the message names; a 403 needs a permission for the application",
		"An event type that the platform does not know, a callback that it does not accept, an iTwin that the "+
			"application may not use: the Service Application needs the permission `webhooks_maintainer` in the iTwin. A "+
			"change of the spec is sent at once; after a change on the platform's side, `reconcile` tries again at once "+
			"instead of [in 10 minutes or an hour](api.md#when-the-platform-says-no).",
		readMessage, reconcile),
	ready(itwinv1alpha1.RateLimitedReason,
		"A change waits because a rate limit is used up. The message names the limit, and where it comes from. All "+
			"programs that use the same client ID share the platform's limit.",
		"Wait; if your subscription allows more, raise rateLimit of <connection>",
		"After a large roll-out this ends by itself. `status.rateLimit` of the connection shows the limit in force. "+
			"Many updates without edits of yours mean that another client changes webhooks: look for Events `Drifted`.",
		`kubectl -n <namespace> get <connection> -o jsonpath='{.status.rateLimit}'`),
	ready(itwinv1alpha1.PlatformUnavailableReason,
		"A change waits because the platform does not answer as documented, or refuses in a way that often passes by "+
			"itself. Remote webhooks go on delivering meanwhile.",
		"Wait; the message says what was seen",
		"If it is not the platform, it is the way to it: DNS, an egress policy, a proxy, a certificate. `check` tries "+
			"the way from where you are, which may be another one than the operator's. [Failures](failures.md) has every "+
			"way in which a call can fail, and when it is sent again.",
		readMessage, check),
	ready(itwinv1alpha1.KubernetesRefusedReason,
		"The Kubernetes API server refused a request that this Webhook needs, or has failed it for 10 s: a quota, an "+
			"admission policy, a missing right of the operator, an immutable Secret. Its own words are in the message.",
		"Lift the quota or policy that the message names, or restore the operator's RBAC",
		"It is tried again every 30 s. [What waits meanwhile](api.md#when-the-api-server-says-no).",
		readMessage),
	ready(itwinv1alpha1.ProgressingReason,
		"The Webhook has not been carried out yet: it waits for a list of its account, for what an interrupted create "+
			"may still do, or for the cache after a start. The message says for which.",
		"Wait",
		"If it lasts for longer than two poll intervals, see whether the connection can list.",
		readMessage, readConnection),
	ready(itwinv1alpha1.DriftedReason,
		"Another client of the platform keeps changing the remote webhook. The next correction waits until the time "+
			"that the message names, up to an hour.",
		"Find the other client that changes the remote webhook",
		"That is a script, a person in the platform's own pages, or an operator in another cluster with the same "+
			"credentials. Events `Drifted` say what was changed. Then `reconcile` corrects at once.",
		readEvents, reconcile),
	ready(itwinv1alpha1.LeftBehindReason,
		"Eight remote webhooks that this Webhook gave up, when it moved between accounts, still wait for their "+
			"removal. No other one is created until then.",
		"Restore the connections to the former accounts, or set deletionPolicy: Retain",
		"`status.former` has their ids and accounts. `Retain` leaves them on the platform, where they go on "+
			"delivering.",
		"kubectl -n <namespace> get webhook <name> -o jsonpath='{.status.former}'", retain),
	ready(itwinv1alpha1.NotFoundReason,
		"The remote webhook that `spec.webhookId` imports does not exist in the account of the connection.",
		"Delete this Webhook, or make one with the right webhookId",
		"`webhookId` is immutable. Check that the connection reaches the account that the webhook is in: another "+
			"client ID is another account.",
		readMessage, readConnection),
	ready(itwinv1alpha1.AlreadyClaimedReason,
		"Another Webhook manages, or is creating, the same remote webhook; or `webhookId` was added to a Webhook that "+
			"has another one already; or the connection of an imported webhook now leads to another account.",
		"Delete one of the two Webhooks, or point connectionRef back, as the message says",
		"To keep the remote webhook when you delete one, set `deletionPolicy: Retain` on it first.",
		readMessage, "kubectl itwin status -A"),
	ready(itwinv1alpha1.DeletingReason,
		"The Webhook is being deleted, and its remote webhook could not be removed yet. The finalizer keeps the "+
			"object, and the namespace if that is being deleted.",
		"Give back what the message names; to finish the deletion all the same: deletionPolicy: Retain",
		"The message says what is missing: a platform that does not answer, or credentials that were deleted first. In "+
			"a namespace that is being deleted nothing can be created: there, set `deletionPolicy: Retain`, which keeps "+
			"the remote webhook. Do not remove the finalizer by hand.",
		readMessage, retain),
}
