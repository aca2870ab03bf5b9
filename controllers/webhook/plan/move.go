package plan

import (
	"fmt"
	"slices"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/proof"
)

// maxFormer bounds how many remote webhooks an object may have given up that are not removed yet.
const maxFormer = 8

// decideMove creates the remote webhook in the account that spec.connectionRef reaches now. The one in the account
// before is listed as former, and goes once the new one matches the spec.
func decideMove(f Facts) Plan {
	if f.Webhook.Spec.WebhookID != "" {
		return Plan{Outcome: alreadyClaimed("Remote webhook %s was imported from the account %s, and spec.connectionRef now "+
			"reaches another one; point it back, or delete this Webhook", f.ID(), f.Identity.Owned.Account)}
	}
	return replace(f)
}

// giveUp returns the list of former remote webhooks with the present one added, or why that is not possible: too many
// wait for their removal. If the present one has been in use since, room is made by dropping those that the platform
// has long said do not exist, and with Retain those that no connection reaches. One that the lists lack, which is no
// more than a hint, is confirmed first.
func (f *Facts) giveUp() ([]proof.Remote, *Plan) {
	former := slices.Clone(f.formerRemotes(f.Identity.Owned))
	if len(former) >= maxFormer && f.Described() && f.Webhook.Status.AppliedGeneration > 0 {
		i := slices.IndexFunc(f.Former, func(r FormerFacts) bool {
			return r.Presence == fleet.Gone || r.Taken || r.Reach == Unreachable && f.retainsRemote()
		})
		if i >= 0 {
			former = f.formerRemotes(f.Identity.Owned, f.Former[i].Remote)
		} else if p, unconfirmed := f.confirmFormer(Reachable, Forbidden); unconfirmed {
			return nil, &p
		}
	}
	if len(former) >= maxFormer {
		return nil, &Plan{Outcome: status.Stalled(itwinv1alpha1.LeftBehindReason, fmt.Sprintf(
			"%d remote webhooks that this Webhook gave up are still to be removed, so no other one is created; restore the "+
				"connections to their accounts, or set spec.deletionPolicy to Retain to leave them",
			maxFormer)).After(PermissionPause)}
	}
	return append(former, f.Identity.Owned), nil
}
