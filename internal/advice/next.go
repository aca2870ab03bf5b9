package advice

import itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"

// afterDeactivation is the next step for a Webhook that was turned off.
const afterDeactivation = "Run `kubectl itwin test <name> -n <namespace>`, " +
	"then `kubectl itwin reactivate <name> -n <namespace> --wait`"

// TurnedOffImport is about a Webhook that was turned off, and whose signing secret the operator does not know: that is
// no reason of its own, but the next step is another one.
var TurnedOffImport = Advice{
	Kind: Webhook, Condition: itwinv1alpha1.ReadyCondition, Reason: itwinv1alpha1.DeactivatedReason,
	Means: "The webhook was turned off, and its signing secret is unknown: a reactivation replaces it.",
	Next:  "Set secretRef to a Secret with the receivers' secret, then `kubectl itwin reactivate <name> -n <namespace>`",
	Commands: []string{
		"kubectl -n <namespace> create secret generic <name>-receivers --from-file=secret=secret-of-the-receivers.txt",
		`kubectl -n <namespace> patch webhook <name> --type=merge -p '{"spec":{"secretRef":{"name":"<name>-receivers"}}}'`,
		tryRoute, reactivate,
	},
}

// ImportWithoutSecret is about a Webhook that imports a remote webhook, and whose Secret is missing: receivers have a
// secret already, and would refuse every event that is signed with another one.
var ImportWithoutSecret = func() Advice {
	a := About(Webhook, itwinv1alpha1.ReadyCondition, itwinv1alpha1.SecretNotFoundReason)
	a.Next = "Create Secret <secret> with the secret that the receivers have as key <key>"
	a.Commands = []string{
		"kubectl -n <namespace> create secret generic <secret> --from-file=<key>=secret-of-the-receivers.txt",
	}
	return a
}()

// SuspendedWithSecret is about a Webhook that is suspended and has a secretRef: while it is suspended no condition says
// whether that Secret is there.
var SuspendedWithSecret = func() Advice {
	a := About(Webhook, itwinv1alpha1.SuspendedCondition, itwinv1alpha1.SuspendedReason)
	a.Next = "Set spec.suspend: false to go on, when Secret <secret> with key <key> is in place"
	return a
}()

// Unanswered is about a request by an annotation that the operator has not answered for a while, although nothing that
// the Webhook's conditions tell of is in its way.
var Unanswered = Advice{
	Kind:     Webhook,
	Means:    "A request to reactivate, reconcile or rotate was not answered: the operator does not run or does not lead.",
	Next:     "Run `kubectl itwin check -n <namespace>`: the operator has not answered a request",
	Commands: []string{check},
}
