package advice

import itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"

const resume = `kubectl -n <namespace> patch webhook <name> --type=merge -p '{"spec":{"suspend":false}}'`

// ofOthers is about the other conditions of a Webhook. Reconciling and Stalled have the reason of Ready.
var ofOthers = []Advice{
	{
		Kind: Webhook, Condition: itwinv1alpha1.ActiveCondition, Reason: itwinv1alpha1.ActiveReason,
		Means:    "The platform delivers events.",
		Commands: []string{readMessage},
	},
	{
		Kind: Webhook, Condition: itwinv1alpha1.ActiveCondition, Reason: itwinv1alpha1.InactiveReason,
		Means: "The webhook is off because the spec says so (`active: false`), because it was not turned on yet, or " +
			"because its connection does not allow it.",
		Do: "If `Ready` is `InSync`, set `active: true` to turn it on. Otherwise the reason of `Ready` says what it " +
			"waits for.",
		Commands: []string{`kubectl -n <namespace> patch webhook <name> --type=merge -p '{"spec":{"active":true}}'`},
	},
	{
		Kind: Webhook, Condition: itwinv1alpha1.ActiveCondition, Reason: itwinv1alpha1.DeactivatedReason,
		Means: "The webhook was turned off on the platform, after failed deliveries or by another client, and is still " +
			"off.",
		Next: afterDeactivation,
		Do: "See [Ready: Deactivated](#ready-deactivated). While the Webhook is suspended, or its connection is not " +
			"ready, it is not turned on again: that comes first.",
		Commands: []string{tryRoute, reactivate, readEvents},
	},
	{
		Kind: Webhook, Condition: itwinv1alpha1.SuspendedCondition, Reason: itwinv1alpha1.SuspendedReason,
		Means: "`spec.suspend` is set: nothing remote is written for this Webhook. `Ready` and `Active` speak of the " +
			"time before.",
		Next: "Set spec.suspend: false to go on",
		Do: "Reactivations, rotations and edits wait for it. An imported Webhook is suspended so that it can be looked " +
			"at before the operator writes to the remote webhook.",
		Commands: []string{resume},
	},
	{
		Kind: Webhook, Condition: itwinv1alpha1.LeftBehindCondition, Reason: itwinv1alpha1.LeftBehindReason,
		Means: "A remote webhook that this Webhook used before, in another account, is still there and may deliver " +
			"events; no connection reaches that account any more. `Ready` speaks of the new one.",
		Next: "Create a Connection to the former account, so that its webhook is removed",
		Do: "The message has the id and the account. Where the credentials of that account are lost, delete the remote " +
			"webhook by the platform's own pages; then `deletionPolicy: Retain` makes the Webhook forget it when it is " +
			"deleted.",
		Commands: []string{"kubectl -n <namespace> get webhook <name> -o jsonpath='{.status.former}'"},
	},
}
