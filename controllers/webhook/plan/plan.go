package plan

import (
	"slices"
	"time"

	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// Step is one thing to do. Each is one write, to the platform or to the API server.
type Step string

const (
	AddFinalizer        Step = "add finalizer"
	StoreSecret         Step = "store secret"
	WriteSecretMetadata Step = "write secret metadata"
	ReleaseSecret       Step = "release secret"
	ConfirmRemote       Step = "confirm"
	GiveUpID            Step = "give up id"
	CreateRemote        Step = "create"
	AdoptRemote         Step = "adopt"
	RecordID            Step = "record id"
	NoteDeactivation    Step = "note deactivation"
	NoteTurningOff      Step = "note turning off"
	NoteSecret          Step = "note secret"
	UpdateRemote        Step = "update"
	DeleteRemote        Step = "delete"
	RemoveOther         Step = "remove another"
	DropFormer          Step = "drop former"
	RemoveFinalizer     Step = "remove finalizer"
)

// Remote reports whether a step calls the platform.
func (s Step) Remote() bool {
	switch s {
	case ConfirmRemote, CreateRemote, UpdateRemote, DeleteRemote, RemoveOther:
		return true
	}
	return false
}

// Cause is why an update is made; it chooses the event.
type Cause string

const (
	CauseNone         Cause = ""
	CauseCreation     Cause = "creation"
	CauseAdoption     Cause = "adoption"
	CauseActivation   Cause = "activation"
	CauseReactivation Cause = "reactivation"
	CauseRotation     Cause = "rotation"
	CauseSpec         Cause = "spec"
	CauseDrift        Cause = "drift"
	CauseProhibition  Cause = "prohibition"
)

// Plan is what a decision comes to: steps in their order, and what to say when all of them succeeded.
type Plan struct {
	Steps []Step
	// waiting are the steps that a list in an outage holds back, and that the status tells of.
	waiting []Step
	// Target is the remote webhook that adopt is about.
	Target string
	// Patch of update. It carries the signing secret, unless WithoutSecret is set; sendSecret makes it worth sending
	// although nothing else differs.
	Patch         platform.Patch
	sendSecret    bool
	WithoutSecret bool
	Cause         Cause
	Drift         string
	// Other is what remove another is about.
	Other removal
	// Former is what the list of given-up webhooks says after give up id and drop former.
	Former  []proof.Remote
	Outcome status.Outcome
}

// NeedsSecret reports whether a step has to carry the value of the signing secret, which was not read.
func (p *Plan) NeedsSecret(f *Facts) bool {
	s := f.Secret
	if s.Loaded || s.Missing || s.Problem != nil || p.WithoutSecret {
		return false
	}
	return slices.ContainsFunc(slices.Concat(p.Steps, p.waiting), func(s Step) bool {
		return s == CreateRemote || s == UpdateRemote || s == WriteSecretMetadata
	})
}

// removal is a webhook that this object made and no longer wants.
type removal struct {
	proof.Remote
	// TurnOff: it is only turned off, because no connection that the object may use reaches it.
	TurnOff bool
	Why     string
}

// Request identifies the call that removes it.
func (r removal) Request() string { return "remove " + r.Account + " " + r.ID }

// Why nothing is written yet.
const (
	warmingUp     = "the cache may not show yet what the process before this one wrote"
	removingOther = "deciding again once a remote webhook that is no longer wanted is removed"
)

const (
	// TakenPause is how long to wait before looking again at a webhook that another Webhook just claimed.
	TakenPause = time.Second
)

// confirming reads a webhook that a list lacks, or shows as it was before.
func confirming(why string) Plan {
	return Plan{Steps: []Step{ConfirmRemote}, Outcome: status.WaitForNextList(why)}
}
