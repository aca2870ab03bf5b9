package plan

import (
	"fmt"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/identity"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
)

func importNotFound(id string) status.Outcome {
	return status.Stalled(itwinv1alpha1.NotFoundReason, fmt.Sprintf(
		"The platform has no webhook %s to import; delete this Webhook and import the right one with another", id))
}

// decideImport takes over the remote webhook that the object asks for, as it is if it differs in nothing.
func decideImport(f Facts) Plan {
	id, declared := f.Identity.Requested, f.Webhook.Spec.WebhookID != ""
	switch {
	case !f.Connection.Adoption:
		// A change of the connection may follow, as with one that is missing.
		return Plan{Outcome: status.Blocked(itwinv1alpha1.ConnectionNotAllowedReason, fmt.Sprintf(
			"The connection lets no Webhook take over an existing remote webhook, such as %s: set its spec.allowAdoption "+
				"to Matching, or %s", id, importRemedy(declared)))}
	case f.Presence == fleet.Missing || f.Presence == fleet.Unseen:
		return confirming("the lists lack the remote webhook to import; reading it")
	case f.Presence == fleet.Absent:
		return Plan{Outcome: status.WaitForList(f.Now,
			"the remote webhook to import is not found; a list that begins now confirms it")}
	case f.Presence == fleet.Gone && declared:
		return Plan{Outcome: importNotFound(id)}
	case f.Presence == fleet.Gone:
		return decideNew(f)
	case f.scopeMismatch():
		return Plan{Outcome: scopeRefused(f)}
	case f.Remote.Mark != "" && f.Remote.Mark != identity.MarkOf(f.Webhook):
		return Plan{Outcome: alreadyClaimed("The remote webhook %s is being created by another Webhook, or "+
			"was left behind by one that is gone: then delete it on the platform", id)}
	case f.Attempt.WarmUp > 0:
		return Plan{Outcome: status.RequeueAfter(f.Attempt.WarmUp, warmingUp)}
	}
	p := takeOver(f, f.Remote, CauseAdoption)
	switch {
	case p.Patch.Empty() && f.keepsUnknownSecret():
		p.sendSecret = false
		p.Steps = without(p.Steps, UpdateRemote, StoreSecret, WriteSecretMetadata)
		if !declared {
			// The status is written first, and shows an import. The proof alone would show what the object created.
			p.Steps = without(p.Steps, RecordID)
			p.Outcome.Retry = status.Again
		}
		return p.sayingSecretUnknown()
	case f.Secret.Problem != nil:
		return Plan{Outcome: status.OfProblem(*f.Secret.Problem).After(f.Secret.Retry)}
	}
	return p
}

func importRemedy(declared bool) string {
	if declared {
		return "delete this Webhook"
	}
	return "remove the annotation " + itwinv1alpha1.WebhookIDAnnotation + " to have another one created"
}

func scopeRefused(f Facts) status.Outcome {
	spec := f.Webhook.Spec
	return status.Stalled(itwinv1alpha1.RefusedReason, fmt.Sprintf(
		"Remote webhook %s has the scope %s, the spec says %s, and the platform cannot change it; delete this "+
			"Webhook and make one for that scope", f.Remote.ID, scopeOf(f.Remote.Scope, f.Remote.ScopeID),
		scopeOf(string(spec.Scope), spec.ScopeID)))
}

func scopeOf(scope, id string) string {
	if scope == platform.ScopeAccount {
		return scope
	}
	return scope + " " + id
}
