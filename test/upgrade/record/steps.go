package main

import (
	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/test/upgrade"
)

// kubectl runs it as an administrator.
func (r *recording) kubectl(args ...string) {
	if r.err == nil {
		_, r.err = r.Kubectl(r.ctx, args...)
	}
}

// connections makes them, and Webhooks of the accounts that fail later.
func (r *recording) connections() {
	r.kubectl("label", "namespace", "survey", "itwin=enabled")
	add := func(account, namespace string) {
		r.credentials(account, namespace)
		r.connection(account, namespace)
		r.connected(account, namespace, itwinv1alpha1.ConnectedReason)
	}
	for _, account := range []string{upgrade.Sound, upgrade.Refusing, upgrade.Forbidding, upgrade.Keeping} {
		add(account, "")
	}
	add(upgrade.Organization, harness.Namespace)
	for _, account := range failing {
		add(account, "")
		add(upgrade.OfCluster(account), harness.Namespace)
		r.webhook("settled-"+account, through(account))
		r.webhook("settled-"+upgrade.OfCluster(account), throughCluster(upgrade.OfCluster(account)))
		r.are(itwinv1alpha1.InSyncReason, "settled-"+account, "settled-"+upgrade.OfCluster(account))
	}
}

// synced makes Webhooks that are in sync. Some of them leave that state in the next steps.
func (r *recording) synced() {
	imported := r.left("imported")
	ofCluster := r.left("cluster-imported", throughCluster(upgrade.Organization))
	r.left("adopted")
	r.left("unmanaged")
	r.secret("own", value)
	r.secret("newline", value+"\n")
	r.secret("vanishing", value)
	for name, changes := range map[string][]change{
		"insync": nil, "rotated": nil, "reactivated": nil, "suspended": nil, "deactivated-always": nil,
		"account":                      {ofAccount},
		"inactive":                     {inactive},
		"cluster":                      {throughCluster(upgrade.Organization)},
		"retain":                       {retained},
		"requested":                    {annotated(itwinv1alpha1.ReconcileRequestedAtAnnotation)},
		"imported":                     {imports(imported)},
		"cluster-imported":             {imports(ofCluster), throughCluster(upgrade.Organization)},
		"adopted":                      {adopts},
		"own-secret":                   {signedWith("own")},
		"newline":                      {signedWith("newline")},
		"vanished":                     {signedWith("vanishing")},
		"twice-a":                      {delivered("https://hooks.example.com/twice")},
		"twice-b":                      {delivered("https://hooks.example.com/twice")},
		"marked":                       {delivered("https://hooks.example.com/marked?itwin-webhook=1")},
		"deactivated-onrequest":        {onRequest},
		"refused-update":               {through(upgrade.Refusing)},
		"unavailable-edited":           {through(upgrade.Unavailable)},
		"limited-edited":               {through(upgrade.Limited)},
		"unauthorized-edited":          {through(upgrade.Unauthorized)},
		"unauthorized-deleted":         {through(upgrade.Unauthorized)},
		"kept-deleted":                 {through(upgrade.Keeping)},
		"connection-deleted":           {through(upgrade.Keeping)},
		"survey/namespace-not-allowed": {throughCluster(upgrade.Organization)},
		"survey/suspended-not-allowed": {throughCluster(upgrade.Organization)},
	} {
		r.webhook(name, changes...)
		r.becomes(name, itwinv1alpha1.InSyncReason)
	}
}

// left is the id of a remote webhook that stays when its Webhook is deleted: for another of the given name, if any.
func (r *recording) left(name string, changes ...change) (id string) {
	before := "before-" + name
	r.webhook(before, append(changes, retained, delivered("https://hooks.example.com/"+name))...)
	r.becomes(before, itwinv1alpha1.InSyncReason)
	id = r.id(before)
	r.delete(object(before))
	r.isGone(before)
	// The garbage collector of Kubernetes, which does not run here, would delete it.
	r.kubectl("delete", "secret", "-n", team, before+itwinv1alpha1.GeneratedSecretSuffix)
	return id
}

// changed makes Webhooks that are in states that no fault of the platform leads to.
func (r *recording) changed() {
	r.webhook("new-suspended", suspended)
	r.edit("suspended", suspended)
	r.edit("survey/suspended-not-allowed", suspended)
	r.edit("rotated", annotated(itwinv1alpha1.RotateRequestedAtAnnotation))
	r.becomes("rotated", itwinv1alpha1.InSyncReason, func(w *itwinv1alpha1.Webhook) bool {
		return w.Status.LastHandledRotateAt != ""
	})
	r.deactivate("reactivated")
	r.becomes("reactivated", itwinv1alpha1.InSyncReason, func(w *itwinv1alpha1.Webhook) bool {
		return w.Status.LastReactivationTime != nil
	})
	r.deactivate("deactivated-onrequest")
	r.becomes("deactivated-onrequest", itwinv1alpha1.DeactivatedReason)
	r.kubectl("delete", "secret", "vanishing", "-n", team)
	r.becomes("vanished", itwinv1alpha1.SecretNotFoundReason)
	r.webhook("secret-missing", signedWith("missing"))
	r.becomes("secret-missing", itwinv1alpha1.SecretNotFoundReason)
	r.secret("short", "too short")
	r.webhook("secret-short", signedWith("short"))
	r.secret("secret-taken-webhook-secret", value)
	r.webhook("secret-taken")
	r.are(itwinv1alpha1.SecretInvalidReason, "secret-short", "secret-taken")
	r.webhook("import-missing", imports(iTwin))
	r.becomes("import-missing", itwinv1alpha1.NotFoundReason)
	r.webhook("already-claimed", imports(r.id("insync")))
	r.becomes("already-claimed", itwinv1alpha1.AlreadyClaimedReason)
	r.edit("connection-deleted", through("missing"))
	r.webhook("connection-missing", through("missing"))
	r.are(itwinv1alpha1.ConnectionNotFoundReason, "connection-missing", "connection-deleted")
	r.kubectl("label", "namespace", "survey", "itwin-")
	r.webhook("host-not-allowed", throughCluster(upgrade.Organization), delivered("https://hooks.example.org/"))
	r.are(itwinv1alpha1.ConnectionNotAllowedReason, "host-not-allowed", "survey/namespace-not-allowed")
	r.connection(upgrade.Absent, "")
	r.connection(upgrade.OfCluster(upgrade.Absent), harness.Namespace)
	r.connected(upgrade.Absent, "", itwinv1alpha1.SecretNotFoundReason)
	r.connected(upgrade.OfCluster(upgrade.Absent), harness.Namespace, itwinv1alpha1.SecretNotFoundReason)
	r.webhook("waits-for-absent", through(upgrade.Absent))
	r.becomes("waits-for-absent", itwinv1alpha1.ConnectionNotReadyReason)
}

// failing makes Webhooks and connections in the states that lasting faults of the platform lead to.
func (r *recording) failing() {
	for _, fault := range upgrade.Faults() {
		if r.err == nil {
			r.err = r.platform.Fault(r.ctx, fault)
		}
	}
	for account, reason := range map[string]string{
		upgrade.Unauthorized: itwinv1alpha1.UnauthorizedReason, upgrade.Limited: itwinv1alpha1.RateLimitedReason,
		upgrade.Unavailable: itwinv1alpha1.PlatformUnavailableReason,
	} {
		r.connected(account, "", reason)
		r.connected(upgrade.OfCluster(account), harness.Namespace, reason)
		if reason == itwinv1alpha1.UnauthorizedReason {
			reason = itwinv1alpha1.ConnectionNotReadyReason
		}
		r.webhook("waits-for-"+account, through(account))
		r.webhook("waits-for-"+upgrade.OfCluster(account), throughCluster(upgrade.OfCluster(account)))
		r.edit(account+"-edited", subscribed)
		r.are(reason, "waits-for-"+account, "waits-for-"+upgrade.OfCluster(account), account+"-edited")
	}
	r.edit("refused-update", subscribed)
	r.webhook("refused-create", through(upgrade.Refusing))
	r.webhook("forbidden-create", through(upgrade.Forbidding))
	r.are(itwinv1alpha1.RefusedReason, "refused-update", "refused-create", "forbidden-create")
	r.delete(object("kept-deleted"))
	r.delete(object("unauthorized-deleted"))
	r.are(itwinv1alpha1.DeletingReason, "kept-deleted", "unauthorized-deleted")

	// Its second deactivation comes last: it is saved in the pause of 10 seconds before it is turned on again.
	r.deactivate("deactivated-always")
	r.becomes("deactivated-always", itwinv1alpha1.InSyncReason, func(w *itwinv1alpha1.Webhook) bool {
		return w.Status.Deactivations == 1
	})
	r.deactivate("deactivated-always")
	r.becomes("deactivated-always", itwinv1alpha1.DeactivatedReason)
}
