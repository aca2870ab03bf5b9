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
		{name: "suspend does not keep on a former one that is no longer allowed", steps: []Step{RemoveOther},
			facts: with(settled(), suspended, revoked), check: turnsOff("0f")},
		{name: "a refused create does not keep it on", reason: "Refused", steps: []Step{RemoveOther},
			facts: with(fresh(), finalizer, revoked, createRefused), check: turnsOff("0f")},
		{name: "a connection that is not allowed either does not keep it on", reason: "ConnectionNotAllowed",
			steps: []Step{RemoveOther},
			facts: with(settled(), remoteOff, notAllowed, revoked), check: turnsOff("0f")},
		{name: "a dangling connectionRef does not keep it on", reason: "ConnectionNotFound", steps: []Step{RemoveOther},
			facts: with(settled(), troubled("ConnectionNotFound"), revoked), check: turnsOff("0f")},
		{name: "a present one that is no longer allowed is turned off first", reason: "ConnectionNotAllowed",
			facts: with(settled(), notAllowed, revoked), steps: []Step{NoteTurningOff, UpdateRemote}},
		{name: "a former one in an account that does not answer holds up nothing else", reason: "InSync",
			facts: with(settled(), revoked, lastFormer(func(f *FormerFacts) { f.Failure = errors.New("no answer") }))},
		{name: "a former one that another Webhook owns now is left on", reason: "InSync",
			facts: with(settled(), revoked, lastFormer(taken)), steps: []Step{DropFormer}},
		{name: "Retain turns off a former one that is no longer allowed before it lets go", steps: []Step{RemoveOther},
			facts: with(settled(), deleted, retained, revoked), check: turnsOff("0f")},
		{name: "suspend turns it off, too, before it lets go", steps: []Step{RemoveOther},
			facts: with(settled(), deleted, suspended, revoked), check: turnsOff("0f")},
		{name: "Retain lets go once it is off", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false))},
		{name: "an outage does not keep what is off already", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false),
				lastFormer(func(f *FormerFacts) { f.Failure = errors.New("no answer") }))},
		{name: "a present and a former one are both turned off before Retain lets go", steps: []Step{UpdateRemote},
			facts: with(settled(), deleted, retained, notAllowed, revoked),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(status.Again)) }},
		{name: "Retain waits for a list that shows whether it is on", reason: "Deleting",
			facts: with(settled(), deleted, retained, revoked, lastFormer(unlisted)),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Await).To(BeTrue())
				g.Expect(p.Outcome.Message).NotTo(ContainSubstring("to Retain"), "that does not help")
			}},
		{name: "Retain of a former one that is allowed needs no list", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", Reachable, fleet.Unseen, true),
				lastFormer(unlisted))},
	})
}

func TestDecideFormerOfAnotherOwner(t *testing.T) {
	kept := gaveUp(anAccount, "0f", Reachable, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "a former one that another Webhook owns only leaves the list", reason: "InSync",
			facts: with(settled(), kept, lastFormer(taken)), steps: []Step{DropFormer},
			check: func(g Gomega, p Plan) { g.Expect(p.Former).To(BeEmpty()) }},
		{name: "it is not taken back", reason: "InSync",
			facts: with(fresh(), finalizer, kept, lastFormer(taken)), steps: []Step{CreateRemote, RecordID, UpdateRemote}},
		{name: "it is not deleted with the object", steps: []Step{DeleteRemote, RemoveFinalizer},
			facts: with(settled(), deleted, kept, lastFormer(taken))},
		{name: "it does not hide another former one", steps: []Step{RemoveOther, DropFormer},
			facts: with(settled(), deleted, goneRemote, kept, lastFormer(taken),
				gaveUp(anotherAccount, "1f", Reachable, fleet.Present, true)),
			check: removes(anotherAccount, "1f")},
		{name: "it is not waited for", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Unreachable, fleet.Unseen, true),
				lastFormer(taken))},
	})
}

func TestDecideDeletionOfFormer(t *testing.T) {
	former := gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "an account that was not listed yet is waited for", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, former, lastFormer(unlisted)),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Await).To(BeTrue())
				g.Expect(p.Other.Account).To(Equal(anotherAccount), "its list enqueues the object")
				g.Expect(p.Outcome.Message).To(ContainSubstring(anotherAccount))
			}},
		{name: "the present one goes while an account was not listed yet", steps: []Step{DeleteRemote},
			facts: with(settled(), deleted, former, lastFormer(unlisted))},
		{name: "one that the lists lack is confirmed to be gone", steps: []Step{ConfirmRemote},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Reachable, fleet.Missing, false)),
			check: removes(anotherAccount, "0f")},
		{name: "one that a read did not find is confirmed by a list", facts: with(settled(), deleted, goneRemote,
			gaveUp(anotherAccount, "0f", Reachable, fleet.Absent, false)),
			check: func(g Gomega, p Plan) {
				g.Expect(p.Outcome.Since).To(Equal(noon))
				g.Expect(p.Other.Account).To(Equal(anotherAccount))
			}},
		{name: "one that is gone is not waited for", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Reachable, fleet.Gone, false))},
		{name: "an outage of its account is reported", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, former,
				lastFormer(func(f *FormerFacts) { f.Failure, f.Synced = errors.New("no answer"), false })),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Message).To(ContainSubstring("no answer")) }},
		{name: "one that no connection allows is turned off", steps: []Step{RemoveOther},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, true)),
			check: turnsOff("0f")},
		{name: "one that no connection allows and that is off is let go", steps: []Step{RemoveFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, false))},
		{name: "an owner in conflict does not keep former ones", steps: []Step{RemoveOther, DropFormer},
			facts: with(settled(), deleted, former, func(f *Facts) { f.ConflictingOwner = "other/older" }),
			check: removes(anotherAccount, "0f")},
		{name: "an owner in conflict does not keep what an interrupted create made", steps: []Step{RemoveOther},
			facts: with(settled(), deleted, marked(false), func(f *Facts) { f.ConflictingOwner = "other/older" })},
		{name: "what an interrupted create made is kept while the cache may lag, and waited for",
			facts: with(fresh(), finalizer, deleted, marked(false), func(f *Facts) { f.Attempt.WarmUp = time.Second }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Retry).To(Equal(time.Second)) }},
	})
}

func TestDecideMove(t *testing.T) {
	testDecisions(t, []decision{
		{name: "an import is not moved", reason: "AlreadyClaimed",
			facts: with(settled(), moved, func(f *Facts) { f.Webhook.Spec.WebhookID = anID }),
			check: func(g Gomega, p Plan) { g.Expect(p.Outcome.Stalled).To(BeTrue()) }},
		{name: "a move does not give up the old one before the new one can be created", reason: "SecretNotFound",
			facts: with(settled(), moved, func(f *Facts) { f.Secret.Problem = &status.Problem{Reason: "SecretNotFound"} })},
		{name: "a move does not send anything before the new account was listed",
			facts: with(settled(), moved, func(f *Facts) { f.Connection.Synced = false })},
		{name: "a move is not held up by an old account that no connection reaches", reason: "InSync",
			facts: with(settled(), moved, func(f *Facts) { f.Holder.Reach, f.Presence = Unreachable, fleet.Unseen }),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "what is moved from an account that does not allow it any more is turned off first",
			facts: with(settled(), moved, func(f *Facts) { f.Holder.Reach = Forbidden }),
			steps: []Step{NoteTurningOff, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Patch).To(Equal(platform.Patch{Active: new(false)}))
				g.Expect(p.Outcome.Retry).To(Equal(status.Again))
			}},
		{name: "then it moves", reason: "InSync",
			facts: with(settled(), moved, remoteOff, func(f *Facts) { f.Holder.Reach = Forbidden }),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "a webhook of another scope is not taken back", reason: "InSync",
			facts: with(settled(), moved, gaveUp(anotherAccount, "0f", Reachable, fleet.Present, true),
				lastFormer(func(f *FormerFacts) { f.Webhook.Scope = platform.ScopeITwin })),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "what gives up an id keeps every former one on the list", reason: "InSync",
			facts: with(settled(), moved, gaveUp("gone/1", "0f", Unreachable, fleet.Unseen, false)),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Former).To(Equal([]proof.Remote{{Account: "gone/1", ID: "0f"}, owned}))
			}},
		{name: "a list that merely lacks a former one makes no room until that is confirmed",
			facts: with(settled(), goneRemote, fullList(anAccount, Reachable, fleet.Missing)), steps: []Step{ConfirmRemote},
			check: removes(anAccount, "id-0")},
		{name: "a former one that another Webhook owns makes room", reason: "InSync",
			facts: with(settled(), goneRemote, fullList("gone/1", Unreachable, fleet.Unseen), lastFormer(taken)),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "with Retain a former one that no connection reaches makes room", reason: "InSync",
			facts: with(settled(), goneRemote, retained, fullList("gone/1", Unreachable, fleet.Unseen)),
			steps: []Step{GiveUpID, CreateRemote, RecordID, UpdateRemote}},
		{name: "what waits is not sent before what is no longer allowed is off", steps: []Step{RemoveOther},
			facts: with(settled(), edited, gaveUp(anotherAccount, "0f", Forbidden, fleet.Present, true),
				func(f *Facts) { f.Remote.CallbackURL = "https://old" }), check: turnsOff("0f")},
		{name: "an account that cannot be reached leaves Ready to speak of the new one", reason: "InSync",
			facts: with(settled(), gaveUp("gone/1", "0f", Unreachable, fleet.Unseen, false))},
		{name: "former ones go one after the other, those that can be reached", reason: "InSync",
			facts: with(settled(), gaveUp("gone/1", "0f", Unreachable, fleet.Unseen, false),
				gaveUp(anotherAccount, "1f", Reachable, fleet.Present, true)),
			steps: []Step{RemoveOther, DropFormer},
			check: func(g Gomega, p Plan) {
				g.Expect(p.Other.ID).To(Equal("1f"))
				g.Expect(p.Former).To(Equal([]proof.Remote{{Account: "gone/1", ID: "0f"}}))
			}},
		{name: "a deactivated webhook keeps its former ones", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, onRequest, gaveUp(anotherAccount, "1f", Reachable, fleet.Present, true))},
	})
}
