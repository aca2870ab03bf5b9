package plan

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/controllers/status"
	"webhook-operator.io/itwin/internal/fleet"
	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/internal/proof"
)

// fullList lists as many former remote webhooks as there may be.
func fullList(account string, how Reach, presence fleet.Presence) given {
	return func(f *Facts) {
		for i := range maxFormer {
			gaveUp(account, fmt.Sprint("id-", i), how, presence, false)(f)
		}
	}
}

// lastFormer changes the facts about the former remote webhook that was listed last.
func lastFormer(change func(*FormerFacts)) given {
	return func(f *Facts) { change(&f.Former[len(f.Former)-1]) }
}

func unlisted(f *FormerFacts) { f.Synced, f.Presence = false, fleet.Unseen }
func taken(f *FormerFacts)    { f.Taken = true }

func turnsOff(id string) func(Gomega, Plan) {
	return func(g Gomega, p Plan) {
		g.Expect(p.Other.TurnOff).To(BeTrue())
		g.Expect(p.Other.ID).To(Equal(id))
		g.Expect(p.Outcome.Retry).To(Equal(status.Again))
	}
}

func removes(account, id string) func(Gomega, Plan) {
	return func(g Gomega, p Plan) {
		g.Expect(p.Other.Remote).To(Equal(proof.Remote{Account: account, ID: id}))
		g.Expect(p.Other.TurnOff).To(BeFalse())
	}
}

func TestDecideRevokedFormer(t *testing.T) {
	revoked := gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "suspend does not keep a former webhook on that is no longer allowed", steps: []Step{RemoveOther},
			reason: "Suspended",
			facts:  with(settled(), suspended, revoked), check: turnsOff("0f")},
		{name: "a refused create does not keep a former webhook on that is no longer allowed",
			reason: "Refused", steps: []Step{RemoveOther},
			facts: with(fresh(), finalizer, revoked, createRefused), check: turnsOff("0f")},
		{name: "a connection that is not allowed does not keep a former webhook on", reason: "ConnectionNotAllowed",
			steps: []Step{RemoveOther},
			facts: with(settled(), remoteOff, notAllowed, revoked), check: turnsOff("0f")},
		{name: "a dangling connectionRef does not keep a former webhook on",
			reason: "ConnectionNotFound", steps: []Step{RemoveOther},
			facts: with(settled(), connectionProblem("ConnectionNotFound"), revoked), check: turnsOff("0f")},
		{name: "an owned webhook that is no longer allowed is turned off before a former one",
			reason: "ConnectionNotAllowed",
			facts:  with(settled(), notAllowed, revoked), steps: []Step{NoteTurningOff, UpdateRemote}},
		{name: "a former webhook in an account that does not answer delays nothing else", reason: "InSync",
			facts: with(settled(), revoked, lastFormer(func(f *FormerFacts) { f.Failure = errors.New("no answer") }))},
		{name: "a former webhook that another Webhook owns is left on", reason: "InSync",
			facts: with(settled(), revoked, lastFormer(taken)), steps: []Step{DropFormer}},
		{name: "Retain turns off a former webhook that is no longer allowed before the finalizer is removed",
			steps: []Step{RemoveOther},
			facts: with(settled(), deleted, retained, revoked), check: turnsOff("0f")},
		{name: "a deleted suspended object turns off a former webhook that is no longer allowed",
			steps: []Step{RemoveOther},
			facts: with(settled(), deleted, suspended, revoked), check: turnsOff("0f")},
		{name: "Retain removes the finalizer once a former webhook is off", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false))},
		{name: "an outage does not delay Retain when a former webhook is off", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false),
				lastFormer(func(f *FormerFacts) { f.Failure = errors.New("no answer") }))},
		{name: "Retain turns off the owned and a former webhook before the finalizer is removed",
			steps: []Step{UpdateRemote},
			facts: with(settled(), deleted, retained, notAllowed, revoked),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(status.Again)) }},
		{name: "Retain waits for a list that shows whether a former webhook is on", reason: "Deleting",
			facts: with(settled(), deleted, retained, revoked, lastFormer(unlisted)),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Await).To(BeTrue())
				g.Expect(p.Outcome.Message).NotTo(ContainSubstring("to Retain"), "that does not help")
			}},
		{name: "Retain of a former webhook that is allowed needs no list", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", Reachable, fleet.Unseen, true),
				lastFormer(unlisted))},
	})
}

func TestDecideFormerOfAnotherOwner(t *testing.T) {
	kept := gaveUp(anAccount, "0f", Reachable, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "a former webhook that another Webhook owns is dropped from the list", reason: "InSync",
			facts: with(settled(), kept, lastFormer(taken)), steps: []Step{DropFormer},
			check: func(g Gomega, p Plan) { g.Expect(p.Former).To(BeEmpty()) }},
		{name: "a former webhook that another Webhook owns is not adopted again", reason: "InSync",
			facts: with(fresh(), finalizer, kept, lastFormer(taken)), steps: []Step{CreateRemote, RecordID, UpdateRemote}},
		{name: "a former webhook that another Webhook owns is not deleted with the object",
			steps: []Step{DeleteRemote, RemoveFinalizer},
			facts: with(settled(), deleted, kept, lastFormer(taken))},
		{name: "a former webhook that another Webhook owns does not hide another former one",
			steps: []Step{RemoveOther, DropFormer},
			facts: with(settled(), deleted, goneRemote, kept, lastFormer(taken),
				gaveUp(anotherAccount, "1f", Reachable, fleet.Present, true)),
			check: removes(anotherAccount, "1f")},
		{name: "a former webhook that another Webhook owns does not delay the deletion", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Unreachable, fleet.Unseen, true),
				lastFormer(taken))},
	})
}

func TestDecideDeletionOfFormer(t *testing.T) {
	former := gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "a deletion waits for the first list of the account of a former webhook", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, former, lastFormer(unlisted)),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Await).To(BeTrue())
				g.Expect(p.Other.Account).To(Equal(anotherAccount), "its list enqueues the object")
				g.Expect(p.Outcome.Message).To(ContainSubstring(anotherAccount))
			}},
		{name: "the owned webhook is deleted while the account of a former one was not listed",
			steps: []Step{DeleteRemote},
			facts: with(settled(), deleted, former, lastFormer(unlisted))},
		{name: "a former webhook that the lists lack is confirmed to be gone", steps: []Step{ConfirmRemote},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Reachable, fleet.Missing, false)),
			check: removes(anotherAccount, "0f")},
		{name: "a former webhook that a read did not find is confirmed by a list",
			facts: with(settled(), deleted, goneRemote,
				gaveUp(anotherAccount, "0f", Reachable, fleet.Absent, false)),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Since).To(Equal(noon))
				g.Expect(p.Other.Account).To(Equal(anotherAccount))
			}},
		{name: "a former webhook that is gone does not delay the deletion", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Reachable, fleet.Gone, false))},
		{name: "an outage of the account of a former webhook is reported", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, former,
				lastFormer(func(f *FormerFacts) { f.Failure, f.Synced = errors.New("no answer"), false })),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Message).To(ContainSubstring("no answer")) }},
		{name: "a former webhook of a deleted object that no connection allows is turned off",
			steps: []Step{RemoveOther},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, true)),
			check: turnsOff("0f")},
		{name: "a former webhook that no connection allows and that is off does not delay the deletion",
			steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false))},
		{name: "a conflicting owner does not keep former webhooks", steps: []Step{RemoveOther, DropFormer},
			facts: with(settled(), deleted, former, func(f *Facts) { f.ConflictingOwner = "other/older" }),
			check: removes(anotherAccount, "0f")},
		{name: "a conflicting owner does not keep the marked webhook of an interrupted create",
			steps: []Step{RemoveOther},
			facts: with(settled(), deleted, marked(false), func(f *Facts) { f.ConflictingOwner = "other/older" })},
		{name: "the marked webhook of an interrupted create delays the deletion while the cache may lag",
			facts: with(fresh(), finalizer, deleted, marked(false), func(f *Facts) { f.Attempt.WarmUp = time.Second }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Second)) }},
	})
}

func TestDecideMove(t *testing.T) {
	testDecisions(t, []decision{
		{name: "an import is not moved", reason: "AlreadyClaimed",
			facts: with(settled(), moved, func(f *Facts) { f.Webhook.Spec.WebhookID = anID }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Stalled).To(BeTrue()) }},
		{name: "a move keeps the owned webhook until the new one can be created", reason: "SecretNotFound",
			facts: with(settled(), moved, func(f *Facts) { f.Secret.Problem = &status.Problem{Reason: "SecretNotFound"} })},
		{name: "a move sends nothing before the new account was listed",
			facts: with(settled(), moved, func(f *Facts) { f.Connection.Synced = false })},
		{name: "a move is not delayed by a former account that no connection reaches", reason: "InSync",
			facts: with(settled(), moved, func(f *Facts) { f.Holder.Reach, f.Presence = Unreachable, fleet.Unseen }),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "a move turns off a webhook first that its former account no longer allows",
			facts: with(settled(), moved, func(f *Facts) { f.Holder.Reach = Forbidden }),
			steps: []Step{NoteTurningOff, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch).To(Equal(platform.Patch{Active: new(false)}))
				g.Expect(p.Outcome.Retry).To(Equal(status.Again))
			}},
		{name: "a move continues once a webhook that is no longer allowed is off", reason: "InSync",
			facts: with(settled(), moved, remoteOff, func(f *Facts) { f.Holder.Reach = Forbidden }),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "a former webhook of another scope is not adopted again", reason: "InSync",
			facts: with(settled(), moved, gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true),
				lastFormer(func(f *FormerFacts) { f.Webhook.Scope = platform.ScopeITwin })),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "a move keeps every former webhook on the list", reason: "InSync",
			facts: with(settled(), moved, gaveUp("gone/1", "0f", Unreachable, fleet.Unseen, false)),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Former).To(Equal([]proof.Remote{{Account: "gone/1", ID: "0f"}, owned}))
			}},
		{name: "a former webhook that a list lacks is confirmed before it is dropped from a full list",
			facts: with(settled(), goneRemote, fullList(anAccount, Reachable, fleet.Missing)), steps: []Step{ConfirmRemote},
			check: removes(anAccount, "id-0")},
		{name: "a former webhook that another Webhook owns is dropped from a full list", reason: "InSync",
			facts: with(settled(), goneRemote, fullList("gone/1", Unreachable, fleet.Unseen), lastFormer(taken)),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "Retain drops a former webhook that no connection reaches from a full list", reason: "InSync",
			facts: with(settled(), goneRemote, retained, fullList("gone/1", Unreachable, fleet.Unseen)),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "an update is not sent before a former webhook that is no longer allowed is off",
			steps: []Step{RemoveOther},
			facts: with(settled(), edited, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, true),
				func(f *Facts) { f.Remote.CallbackURL = "https://old" }), check: turnsOff("0f")},
		{name: "a former account that cannot be reached does not change Ready", reason: "InSync",
			facts: with(settled(), gaveUp("gone/1", "0f", Unreachable, fleet.Unseen, false))},
		{name: "former webhooks that can be reached are deleted one by one", reason: "InSync",
			facts: with(settled(), gaveUp("gone/1", "0f", Unreachable, fleet.Unseen, false),
				gaveUp(anotherAccount, "1f", Reachable, fleet.Present, true)),
			steps: []Step{RemoveOther, DropFormer},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Other.ID).To(Equal("1f"))
				g.Expect(p.Former).To(Equal([]proof.Remote{{Account: "gone/1", ID: "0f"}}))
			}},
		{name: "a deactivated webhook keeps its former webhooks", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, onRequest, gaveUp(anotherAccount, "1f", Reachable, fleet.Present, true))},
	})
}
