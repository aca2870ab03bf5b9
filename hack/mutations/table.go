package main

// mutations are the guards, in the order of the table.
var mutations = []mutation{
	// Creating.
	{
		guard: "The finalizer is there before a create is sent", removed: "the step that adds it",
		file: "controllers/decide.go",
		old: `		p.steps = append(p.steps, addFinalizer)
	}
	p.steps = append(p.steps, secretSteps(f)...)
	p.steps = append(p.steps, createRemote`,
		mutated: `	}
	p.steps = append(p.steps, secretSteps(f)...)
	p.steps = append(p.steps, createRemote`,
	},
	{
		guard: "A create carries the object's mark", removed: "the query parameter",
		file:    "controllers/act.go",
		old:     `	request.CallbackURL = r.facts.markedCallback()`,
		mutated: ``,
	},
	{
		guard: "What a create of the object made is taken before another one is created", removed: "taking it",
		file:    "controllers/decide.go",
		old:     `	case mine != nil:`,
		mutated: `	case mine != nil && false:`,
	},
	{
		guard:   "A create of unknown outcome is waited out, and listed, before another one",
		removed: "the wait in decideNew",
		file:    "controllers/decide.go",
		old:     `	case !f.attempt.noneInFlight && !f.attempt.settled:`,
		mutated: `	case false:`,
	},
	{
		guard: "The outcome of a create without a documented answer is unknown", removed: "the note in memory",
		file:    "controllers/act.go",
		old:     `			r.memory.unknown(r.key(), r.object().UID, r.now())`,
		mutated: ``,
	},
	{
		guard:   "The list that settles a create of this process begins after the request's timeout",
		removed: "the time in memory.unknown",
		file:    "controllers/memory.go",
		old:     `a.noneInFlight, a.unknownOutcome, a.settledAfter = false, true, now.Add(m.grace)`,
		mutated: `a.noneInFlight, a.unknownOutcome, a.settledAfter = false, true, now`,
	},
	{
		guard:   "The list that settles a create of an earlier process does, too",
		removed: "the time in memory.of",
		file:    "controllers/memory.go",
		old:     `return attempt{uid: uid, firstSeen: now, settledAfter: now.Add(m.grace)}`,
		mutated: `return attempt{uid: uid, firstSeen: now, settledAfter: now}`,
	},
	{
		guard: "The id is written down before the update", removed: "the order of the two steps",
		file:    "controllers/decide.go",
		old:     `createRemote, recordID, updateRemote)`,
		mutated: `createRemote, updateRemote, recordID)`,
	},
	{
		guard:   "What was created for an object that is gone is deleted",
		removed: "undoing the create",
		file:    "controllers/record.go",
		old:     `		return r.undoCreate(ctx, "the Webhook is gone")`,
		mutated: `		return errOutdated`,
	},
	{
		guard:   "What was created for an object that got another id meanwhile is deleted",
		removed: "the comparison of the ids",
		file:    "controllers/record.go",
		old:     `	case other.ID != "" && !sameRemote(other, r.facts.identity.owned):`,
		mutated: `	case false:`,
	},
	{
		guard: "An inactive duplicate is deleted whenever it turns up", removed: "finding it",
		file: "controllers/move.go",
		old: `		if !m.webhook.Active {
			return removal{`,
		mutated: `		if false {
			return removal{`,
	},
	{
		guard: "An active duplicate is left alone", removed: "looking at active",
		file: "controllers/move.go",
		old: `		if !m.webhook.Active {
			return removal{`,
		mutated: `		if true {
			return removal{`,
	},
	{
		guard: "Nothing is sent that was decided long ago", removed: "the budget of a reconcile's calls",
		file:    "controllers/act.go",
		old:     `context.WithTimeout(context.WithoutCancel(ctx), remoteBudget)`,
		mutated: `context.WithTimeout(context.WithoutCancel(ctx), 100*remoteBudget)`,
	},
	{
		guard: "Metadata is written to the version that was read", removed: "the lock of patchMetadata",
		file:    "controllers/record.go",
		old:     `client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})`,
		mutated: `client.MergeFrom(before)`,
	},
	{
		guard: "A status is written to the version that was read", removed: "the lock of writeStatus",
		file:    "controllers/report.go",
		old:     `client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})`,
		mutated: `client.MergeFrom(before)`,
	},
	{
		guard: "Nothing is decided from a cache that lacks this process's last write", removed: "the read past the cache",
		file:    "controllers/webhook_controller.go",
		old:     `	if err == nil && r.writes.behind(webhook) {`,
		mutated: `	if false {`,
	},
	// What the platform says.
	{
		guard: "Nothing is sent after a call of unknown outcome until a list succeeds", removed: "holding writes back",
		file:    "internal/fleet/member.go",
		old:     `	case m.blocked() != nil:`,
		mutated: `	case false:`,
	},
	{
		guard: "That list began after the call", removed: "the comparison of the moments",
		file:    "internal/fleet/poll.go",
		old:     `	if f.failedAt <= start.began {`,
		mutated: `	if true {`,
	},
	{
		guard: "A list that began before a write ended says nothing about that webhook", removed: "skipping it",
		file:    "internal/fleet/merge.go",
		old:     `return e.writing > 0 || e.written > began`,
		mutated: `return false`,
	},
	{
		guard: "An answer that another call overtook brings back nothing", removed: "the comparison",
		file:    "internal/fleet/write.go",
		old:     `	case err == nil && overtaken && (what == reading || f.absent[key].confirmed):`,
		mutated: `	case overtaken && false:`,
	},
	{
		guard: "What a list lacks is read before it counts as gone", removed: "the read",
		file: "controllers/decide.go",
		old: `	case fleet.Gone:
		if f.webhook.Spec.WebhookID != "" {`,
		mutated: `	case fleet.Gone, fleet.Missing:
		if f.webhook.Spec.WebhookID != "" {`,
	},
	{
		guard: "A list that began after that read confirms it", removed: "the comparison of the moments",
		file:    "internal/fleet/merge.go",
		old:     `		if read.moment <= began {`,
		mutated: `		if true {`,
	},
	// Owning.
	{
		guard: "A proof is bound to namespace and name", removed: "both from the HMAC",
		file:    "internal/proof/proof.go",
		old:     `return k.hash(purpose, r.Account, r.ID, o.Namespace, o.Name)`,
		mutated: `return k.hash(purpose, r.Account, r.ID)`,
	},
	{
		guard: "A proof is bound to the id", removed: "it from the HMAC",
		file:    "internal/proof/proof.go",
		old:     `return k.hash(purpose, r.Account, r.ID, o.Namespace, o.Name)`,
		mutated: `return k.hash(purpose, r.Account, o.Namespace, o.Name)`,
	},
	{
		guard: "An annotation without proof owns nothing", removed: "the proof",
		file:    "controllers/identity.go",
		old:     `	case proven && platform.ValidID(id) && !i.gaveUp(annotated):`,
		mutated: `	case platform.ValidID(id) && !i.gaveUp(annotated):`,
	},
	{
		guard: "What another Webhook owns is not described, changed or deleted", removed: "AlreadyClaimed",
		file:    "controllers/decide.go",
		old:     `	case f.conflictingOwner != "" && (id != "" || f.connection.adoption):`,
		mutated: `	case false:`,
	},
	{
		guard: "Two that adopt at once do not adopt the same", removed: "the claim in memory",
		file:    "controllers/act.go",
		old:     `	if !r.target().Fleet().Claim(r.plan.target, r.owner()) {`,
		mutated: `	if false {`,
	},
	{
		guard: "allowAdoption governs imports", removed: "the check",
		file:    "controllers/decide.go",
		old:     `	case !f.connection.adoption:`,
		mutated: `	case false:`,
	},
	{
		guard: "For 10 s after the start nothing is adopted", removed: "the wait",
		file:    "controllers/decide.go",
		old:     `	case f.adoptable != nil && f.attempt.warmUp > 0:`,
		mutated: `	case false:`,
	},
	{
		guard: "For 10 s after the start no duplicate and no former webhook is deleted", removed: "the wait",
		file:    "controllers/move.go",
		old:     `	case found && f.attempt.warmUp > 0:`,
		mutated: `	case false:`,
	},
	{
		guard: "What carries another object's mark is not imported", removed: "looking at the mark",
		file:    "controllers/decide.go",
		old:     `	case f.remote.Mark != "" && f.remote.Mark != markOf(f.webhook):`,
		mutated: `	case false:`,
	},
	{
		guard: "A spec cannot pose as another object's create", removed: "refusing the parameter",
		file:    "controllers/decide.go",
		old:     `	case platform.MarkOf(f.webhook.Spec.CallbackURL) != "":`,
		mutated: `	case false:`,
	},
	// Giving up and moving.
	{
		guard: "What is gone is listed in former before another one is created", removed: "the step that lists it",
		file: "controllers/decide.go",
		old: `	p.steps, p.former = append([]step{giveUpID}, without(p.steps, addFinalizer)...), former
	if p.cause`,
		mutated: `	if p.cause`,
	},
	{
		guard: "An id that was given up is not owned, whatever an old status says", removed: "looking at former",
		file:    "controllers/identity.go",
		old:     `	case platform.ValidID(reported.ID) && !i.gaveUp(reported):`,
		mutated: `	case platform.ValidID(reported.ID):`,
	},
	{
		guard: "No more than eight are given up", removed: "the bound",
		file: "controllers/move.go",
		old: `	if len(former) >= maxFormer {
		return nil`,
		mutated: `	if false {
		return nil`,
	},
	{
		guard: "A former one goes once the present one matches the spec", removed: "waiting for Ready",
		file:    "controllers/move.go",
		old:     `	if !found && p.verdict.ready {`,
		mutated: `	if !found {`,
	},
	{
		guard: "A former one that another Webhook owns only leaves the list", removed: "looking at its owner",
		file:    "controllers/observe.go",
		old:     `		return other.UID != w.UID && sameRemote(identityOf(other, r.Key).owned, former)`,
		mutated: `		return false`,
	},
	{
		guard: "A former one that leaves the list may be claimed", removed: "releasing its claim",
		file:    "controllers/record.go",
		old:     `		member.Fleet().Release(r.plan.other.ID, r.owner())`,
		mutated: `		_ = member`,
	},
	{
		guard: "What no connection allows any more is turned off", removed: "turning it off",
		file:    "controllers/decide.go",
		old:     `	case f.holder.reach == forbidden && f.activeAndOwned():`,
		mutated: `	case false:`,
	},
	{
		guard: "The same holds for former ones, whatever else the object waits for", removed: "turning them off",
		file:    "controllers/decide.go",
		old:     `	case revoked && f.attempt.warmUp == 0 && p.cause != causeProhibition:`,
		mutated: `	case false:`,
	},
	// Deleting.
	{
		guard:   "An object goes only when its remote webhook is confirmed to be gone",
		removed: "the confirmation",
		file:    "controllers/deletion.go",
		old: `	case f.presence == fleet.Gone:
		return decideRestDeletion(f)`,
		mutated: `	case f.presence != fleet.Present:
		return decideRestDeletion(f)`,
	},
	{
		guard: "Deletion waits for a create that may be in flight", removed: "the wait",
		file:    "controllers/deletion.go",
		old:     `	case open && !f.refusedUnreached():`,
		mutated: `	case false:`,
	},
	{
		guard: "Deletion removes what interrupted creates made", removed: "finding it",
		file:    "controllers/deletion.go",
		old:     `	if other, found := f.duplicate(); found {`,
		mutated: `	if other, found := f.duplicate(); found && false {`,
	},
	{
		guard: "Deletion waits for former ones that are not known to be gone", removed: "the wait",
		file:    "controllers/deletion.go",
		old:     `	if p, waits := f.awaitFormer(); waits {`,
		mutated: `	if p, waits := f.awaitFormer(); waits && false {`,
	},
	{
		guard: "Deletion waits for former ones that no connection reaches", removed: "the wait",
		file:    "controllers/deletion.go",
		old:     `	if left := f.unreachableFormers(); len(left) > 0 {`,
		mutated: `	if left := f.unreachableFormers(); len(left) > 8 {`,
	},
	{
		guard: "Retain turns off first what is not allowed any more", removed: "turning it off",
		file:    "controllers/deletion.go",
		old:     `	case (f.holder.reach == forbidden || f.callbackForbidden()) && f.id() != "" && f.conflictingOwner == "":`,
		mutated: `	case false:`,
	},
	// Secrets and deactivations.
	{
		guard:   "A secret of which it is not known whether it arrived is sent again",
		removed: "the note before it is sent",
		file:    "controllers/memory.go",
		old:     `before, a.secret = a.secret, unknownSecret`,
		mutated: `before = a.secret`,
	},
	{
		guard:   "A change by another client has the secret sent again",
		removed: "looking at modified",
		file:    "controllers/sync.go",
		old:     `p.sendSecret = !f.platformHasSecret() || f.changedElsewhere() && f.remote.Active`,
		mutated: `p.sendSecret = !f.platformHasSecret()`,
	},
	{
		guard:   "A rotation waits until the platform has the value before",
		removed: "the wait",
		file:    "controllers/sync.go",
		old:     `	case f.secret.rotate && f.platformHasSecret():`,
		mutated: `	case f.secret.rotate:`,
	},
	{
		guard: "A request for a rotation is answered once", removed: "looking at the Secret itself",
		file:    "controllers/generate.go",
		old:     `	if err != nil || rotated(secret, f.webhook) {`,
		mutated: `	if err != nil {`,
	},
	{
		guard: "A Secret is not judged from a cache that lacks this process's last write", removed: "the read past the cache",
		file: "controllers/secrets.go",
		old: `	if err == nil && !r.secretWrites.behind(meta) || apierrors.IsNotFound(err) && !r.secretWrites.noted(key) {
		return`,
		mutated: `	if err == nil || apierrors.IsNotFound(err) {
		return`,
	},
	{
		guard: "A restored Webhook waits for its Secret", removed: "the 30 s",
		file:    "controllers/secrets.go",
		old:     `wait := known.firstSeen.Add(restoreGrace).Sub(f.now); wait > 0 {`,
		mutated: `wait := known.firstSeen.Add(restoreGrace).Sub(f.now); wait > restoreGrace {`,
	},
	{
		guard: "It does so after its status has the id", removed: "looking at the secret in the status",
		file:    "controllers/secrets.go",
		old:     `s.SecretName == "" && s.SecretFingerprint == "" &&`,
		mutated: `s.WebhookID == "" &&`,
	},
	{
		guard: "A Secret that was not generated for the Webhook is not used", removed: "looking at its label and owner",
		file:    "controllers/secrets.go",
		old:     `	case meta.GetLabels()[managedByLabel] != managerName:`,
		mutated: `	case false:`,
	},
	{
		guard: "A Secret of a dead owner that the garbage collector takes keeps its value", removed: "creating it again",
		file:    "controllers/generate.go",
		old:     `	if apierrors.IsNotFound(err) {`,
		mutated: `	if false {`,
	},
	{
		guard: "Retain lets the Secret outlive its Webhook", removed: "releasing it",
		file:    "controllers/deletion.go",
		old:     `	if f.secret.release {`,
		mutated: `	if false {`,
	},
	{
		guard: "A deactivation is written down although the update is held back", removed: "keeping that step",
		file:    "controllers/sync.go",
		old:     `kept := without(steps, storeSecret, ownSecret)`,
		mutated: `kept := without(steps, storeSecret, ownSecret, noteDeactivation)`,
	},
	{
		guard: "OnRequest waits for a request", removed: "the policy",
		file:    "controllers/reactivation.go",
		old:     `		if f.webhook.Spec.ReactivationPolicy == v1alpha1.ReactivateOnRequest {`,
		mutated: `		if false {`,
	},
	// Clusters that go back.
	{
		guard: "A write that the API server itself does not have is forgotten", removed: "forgetting it",
		file:    "controllers/writes.go",
		old:     `(apierrors.IsNotFound(err) || last.newerThan(o) || last.uid != o.GetUID())`,
		mutated: `(apierrors.IsNotFound(err) || last.uid != o.GetUID())`,
	},
	{
		guard: "A status that another process wrote over is looked at again", removed: "the watch on the status",
		file:    "controllers/webhook_controller.go",
		old:     `len(e.ObjectNew.GetFinalizers()) || r.overwritten(e)`,
		mutated: `len(e.ObjectNew.GetFinalizers())`,
	},
	// Answers, accounts and refusals.
	{
		guard:   "A list that is older than the last write says nothing",
		removed: "the comparison",
		file:    "internal/fleet/merge.go",
		old:     `		if e.mute(began) || e.outdates(w, f.clock.Now()) {`,
		mutated: `		if e.mute(began) {`,
	},
	{
		guard:   "After a restart, what a list shows of before the last write is read first",
		removed: "the read",
		file:    "controllers/decide.go",
		old:     `		if f.outdated() && len(p.steps) > 0 {`,
		mutated: `		if false {`,
	},
	{
		guard:   "A create that the platform answers with an existing webhook takes nothing over",
		removed: "the look at the snapshot",
		file:    "internal/fleet/write.go",
		old:     `err == nil && merged {`,
		mutated: `err == nil && merged && false {`,
	},
	{
		guard:   "A claim in memory does not outlive its object",
		removed: "the end of it",
		file:    "internal/fleet/claims.go",
		old:     `	if found && f.clock.Since(c.since) >= claimFor {`,
		mutated: `	if false {`,
	},
	{
		guard:   "The status keeps which former webhooks remain",
		removed: "reading it",
		file:    "controllers/identity.go",
		old:     `!takenBack && !i.gaveUp(former) {`,
		mutated: `!takenBack && !i.gaveUp(former) && false {`,
	},
	{
		guard:   "A connection that cannot log in withdraws no permission",
		removed: "looking for it",
		file:    "controllers/reach.go",
		old:     `err != nil || allowed {`,
		mutated: `err != nil || allowed && false {`,
	},
	{
		guard:   "Connections of other namespaces are not used",
		removed: "the comparison",
		file:    "controllers/reach.go",
		old:     "\treturn namespace == \"\" || namespace == w.Namespace\n",
		mutated: "\treturn namespace == \"\" || true\n",
	},
	{
		guard:   "What counts for allowedCallbackHosts is where the platform delivers",
		removed: "turning it off",
		file:    "controllers/decide.go",
		old:     `	if f.callbackForbidden() && (`,
		mutated: `	if false && (`,
	},
	{
		guard:   "Credentials of a deleted connection are kept while its account has something to delete",
		removed: "looking at the account",
		file:    "controllers/connection_controller.go",
		old:     `(connectionOf(&w) == member.Name() || mentions(&w, member.Fleet().Account()))`,
		mutated: `connectionOf(&w) == member.Name()`,
	},
	{
		guard:   "Trouble of one connection's list is its own",
		removed: "telling a 403",
		file:    "internal/fleet/poll.go",
		old:     `(platform.IsConnectionTrouble(err) || platform.IsForbidden(err))`,
		mutated: `platform.IsConnectionTrouble(err)`,
	},
	{
		guard:   "A deletion waits for a former webhook whose removal was refused",
		removed: "the wait",
		file:    "controllers/deletion.go",
		old:     `		if remains || `,
		mutated: `		if remains && false || `,
	},
	{
		guard:   "What the operator turns off itself is no deactivation",
		removed: "writing it down",
		file:    "controllers/decide.go",
		old:     `	if f.described() && f.webhook.DeletionTimestamp.IsZero() && !f.turningOff() {`,
		mutated: `	if false {`,
	},
	{
		guard:   "A deactivation that an answer shows is counted",
		removed: "leaving the status",
		file:    "controllers/report.go",
		old:     `	if r.mayReportActive(status, w) {`,
		mutated: `	if true {`,
	},
	{
		guard:   "With OnRequest a replacement stays off",
		removed: "looking at it",
		file:    "controllers/decide.go",
		old:     "\tcase f.staysOff():\n\t\tp.verdict = staysOff\n\tcase f.webhook.WantsActive():",
		mutated: `	case f.webhook.WantsActive():`,
	},
	{
		guard:   "A refused create is left alone for a while",
		removed: "the pause",
		file:    "controllers/decide.go",
		old:     `	case f.held(fingerprintCreate(f)) > 0:`,
		mutated: `	case false:`,
	},
	{
		guard:   "A refused part holds back neither the active state nor the secret",
		removed: "sending the rest",
		file:    "controllers/sync.go",
		old:     `	if !p.divisible() || `,
		mutated: `	if true || `,
	},
	{
		guard:   "Retries of refused requests take a twentieth of the rate limit",
		removed: "asking for a place",
		file:    "controllers/refusals.go",
		old:     "\twait := member.RetryIn()\n",
		mutated: "\twait := min(member.RetryIn(), 0)\n",
	},
	{
		guard:   "What the API server refuses is told",
		removed: "telling it",
		file:    "controllers/act.go",
		old:     `		v, ok = r.judgeKubernetes(err)`,
		mutated: `		v, ok = verdict{}, false`,
	},
	{
		guard:   "What the platform kept is no spelling of what was sent",
		removed: "looking at what was there",
		file:    "controllers/callback.go",
		old:     `(len(before.had) == 0 || before.includes(answered)):`,
		mutated: `len(before.had) == 0:`,
	},
	{
		guard:   "What waits while the platform asked for a pause says so",
		removed: "looking at how the last list ended",
		file:    "controllers/observe.go",
		old:     `cmp.Or(target.Failure(), target.Outcome())`,
		mutated: `cmp.Or(target.Failure(), nil)`,
	},
	{
		guard:   "An outage that is told in other words each time is one write",
		removed: "keeping the words",
		file:    "controllers/report.go",
		old:     `; known != nil && retold(*known, c) {`,
		mutated: `; known != nil && false && retold(*known, c) {`,
	},
}
