package controllers

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
func fullList(account string, how reach, presence fleet.Presence) given {
	return func(f *facts) {
		for i := range maxFormer {
			gaveUp(account, fmt.Sprint("id-", i), how, presence, false)(f)
		}
	}
}

// lastFormer changes the facts about the former remote webhook that was listed last.
func lastFormer(change func(*formerFacts)) given {
	return func(f *facts) { change(&f.former[len(f.former)-1]) }
}

func unlisted(f *formerFacts) { f.synced, f.presence = false, fleet.Unseen }
func taken(f *formerFacts)    { f.taken = true }

func turnsOff(id string) func(Gomega, plan) {
	return func(g Gomega, p plan) {
		g.Expect(p.other.turnOff).To(BeTrue())
		g.Expect(p.other.ID).To(Equal(id))
		g.Expect(p.outcome.Retry).To(Equal(status.Again))
	}
}

func removes(account, id string) func(Gomega, plan) {
	return func(g Gomega, p plan) {
		g.Expect(p.other.Remote).To(Equal(proof.Remote{Account: account, ID: id}))
		g.Expect(p.other.turnOff).To(BeFalse())
	}
}

func TestDecideRevokedFormer(t *testing.T) {
	revoked := gaveUp(anotherAccount, "0f", forbidden, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "suspend does not keep on a former one that is no longer allowed", steps: []step{removeOther},
			facts: with(settled(), suspended, revoked), check: turnsOff("0f")},
		{name: "a refused create does not keep it on", reason: "Refused", steps: []step{removeOther},
			facts: with(fresh(), finalizer, revoked, createRefused), check: turnsOff("0f")},
		{name: "a connection that is not allowed either does not keep it on", reason: "ConnectionNotAllowed",
			steps: []step{removeOther},
			facts: with(settled(), remoteOff, notAllowed, revoked), check: turnsOff("0f")},
		{name: "a dangling connectionRef does not keep it on", reason: "ConnectionNotFound", steps: []step{removeOther},
			facts: with(settled(), troubled("ConnectionNotFound"), revoked), check: turnsOff("0f")},
		{name: "a present one that is no longer allowed is turned off first", reason: "ConnectionNotAllowed",
			facts: with(settled(), notAllowed, revoked), steps: []step{noteTurningOff, updateRemote}},
		{name: "a former one in an account that does not answer holds up nothing else", reason: "InSync",
			facts: with(settled(), revoked, lastFormer(func(f *formerFacts) { f.failure = errors.New("no answer") }))},
		{name: "a former one that another Webhook owns now is left on", reason: "InSync",
			facts: with(settled(), revoked, lastFormer(taken)), steps: []step{dropFormer}},
		{name: "Retain turns off a former one that is no longer allowed before it lets go", steps: []step{removeOther},
			facts: with(settled(), deleted, retained, revoked), check: turnsOff("0f")},
		{name: "suspend turns it off, too, before it lets go", steps: []step{removeOther},
			facts: with(settled(), deleted, suspended, revoked), check: turnsOff("0f")},
		{name: "Retain lets go once it is off", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", forbidden, fleet.Present, false))},
		{name: "an outage does not keep what is off already", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", forbidden, fleet.Present, false),
				lastFormer(func(f *formerFacts) { f.failure = errors.New("no answer") }))},
		{name: "a present and a former one are both turned off before Retain lets go", steps: []step{updateRemote},
			facts: with(settled(), deleted, retained, notAllowed, revoked),
			check: func(g Gomega, p plan) { g.Expect(p.outcome.Retry).To(Equal(status.Again)) }},
		{name: "Retain waits for a list that shows whether it is on", reason: "Deleting",
			facts: with(settled(), deleted, retained, revoked, lastFormer(unlisted)),
			check: func(g Gomega, p plan) {
				g.Expect(p.outcome.Await).To(BeTrue())
				g.Expect(p.outcome.Message).NotTo(ContainSubstring("to Retain"), "that does not help")
			}},
		{name: "Retain of a former one that is allowed needs no list", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, retained, gaveUp(anotherAccount, "0f", reachable, fleet.Unseen, true),
				lastFormer(unlisted))},
	})
}

func TestDecideFormerOfAnotherOwner(t *testing.T) {
	kept := gaveUp(anAccount, "0f", reachable, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "a former one that another Webhook owns only leaves the list", reason: "InSync",
			facts: with(settled(), kept, lastFormer(taken)), steps: []step{dropFormer},
			check: func(g Gomega, p plan) { g.Expect(p.former).To(BeEmpty()) }},
		{name: "it is not taken back", reason: "InSync",
			facts: with(fresh(), finalizer, kept, lastFormer(taken)), steps: []step{createRemote, recordID, updateRemote}},
		{name: "it is not deleted with the object", steps: []step{deleteRemote, removeFinalizer},
			facts: with(settled(), deleted, kept, lastFormer(taken))},
		{name: "it does not hide another former one", steps: []step{removeOther, dropFormer},
			facts: with(settled(), deleted, goneRemote, kept, lastFormer(taken),
				gaveUp(anotherAccount, "1f", reachable, fleet.Present, true)),
			check: removes(anotherAccount, "1f")},
		{name: "it is not waited for", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", unreachable, fleet.Unseen, true),
				lastFormer(taken))},
	})
}

func TestDecideDeletionOfFormer(t *testing.T) {
	former := gaveUp(anotherAccount, "0f", reachable, fleet.Present, true)
	testDecisions(t, []decision{
		{name: "an account that was not listed yet is waited for", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, former, lastFormer(unlisted)),
			check: func(g Gomega, p plan) {
				g.Expect(p.outcome.Await).To(BeTrue())
				g.Expect(p.other.Account).To(Equal(anotherAccount), "its list enqueues the object")
				g.Expect(p.outcome.Message).To(ContainSubstring(anotherAccount))
			}},
		{name: "the present one goes while an account was not listed yet", steps: []step{deleteRemote},
			facts: with(settled(), deleted, former, lastFormer(unlisted))},
		{name: "one that the lists lack is confirmed to be gone", steps: []step{confirmRemote},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", reachable, fleet.Missing, false)),
			check: removes(anotherAccount, "0f")},
		{name: "one that a read did not find is confirmed by a list", facts: with(settled(), deleted, goneRemote,
			gaveUp(anotherAccount, "0f", reachable, fleet.Absent, false)),
			check: func(g Gomega, p plan) {
				g.Expect(p.outcome.Since).To(Equal(noon))
				g.Expect(p.other.Account).To(Equal(anotherAccount))
			}},
		{name: "one that is gone is not waited for", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", reachable, fleet.Gone, false))},
		{name: "an outage of its account is reported", reason: "Deleting",
			facts: with(settled(), deleted, goneRemote, former,
				lastFormer(func(f *formerFacts) { f.failure, f.synced = errors.New("no answer"), false })),
			check: func(g Gomega, p plan) { g.Expect(p.outcome.Message).To(ContainSubstring("no answer")) }},
		{name: "one that no connection allows is turned off", steps: []step{removeOther},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", forbidden, fleet.Present, true)),
			check: turnsOff("0f")},
		{name: "one that no connection allows and that is off is let go", steps: []step{removeFinalizer},
			facts: with(settled(), deleted, goneRemote, gaveUp(anotherAccount, "0f", forbidden, fleet.Present, false))},
		{name: "an owner in conflict does not keep former ones", steps: []step{removeOther, dropFormer},
			facts: with(settled(), deleted, former, func(f *facts) { f.conflictingOwner = "other/older" }),
			check: removes(anotherAccount, "0f")},
		{name: "an owner in conflict does not keep what an interrupted create made", steps: []step{removeOther},
			facts: with(settled(), deleted, marked(false), func(f *facts) { f.conflictingOwner = "other/older" })},
		{name: "what an interrupted create made is kept while the cache may lag, and waited for",
			facts: with(fresh(), finalizer, deleted, marked(false), func(f *facts) { f.attempt.warmUp = time.Second }),
			check: func(g Gomega, p plan) { g.Expect(p.outcome.Retry).To(Equal(time.Second)) }},
	})
}

func TestDecideMove(t *testing.T) {
	testDecisions(t, []decision{
		{name: "an import is not moved", reason: "AlreadyClaimed",
			facts: with(settled(), moved, func(f *facts) { f.webhook.Spec.WebhookID = anID }),
			check: func(g Gomega, p plan) { g.Expect(p.outcome.Stalled).To(BeTrue()) }},
		{name: "a move does not give up the old one before the new one can be created", reason: "SecretNotFound",
			facts: with(settled(), moved, func(f *facts) { f.secret.problem = &status.Problem{Reason: "SecretNotFound"} })},
		{name: "a move does not send anything before the new account was listed",
			facts: with(settled(), moved, func(f *facts) { f.connection.synced = false })},
		{name: "a move is not held up by an old account that no connection reaches", reason: "InSync",
			facts: with(settled(), moved, func(f *facts) { f.holder.reach, f.presence = unreachable, fleet.Unseen }),
			steps: []step{giveUpID, createRemote, recordID, updateRemote}},
		{name: "what is moved from an account that does not allow it any more is turned off first",
			facts: with(settled(), moved, func(f *facts) { f.holder.reach = forbidden }),
			steps: []step{noteTurningOff, updateRemote},
			check: func(g Gomega, p plan) {
				g.Expect(p.patch).To(Equal(platform.Patch{Active: new(false)}))
				g.Expect(p.outcome.Retry).To(Equal(status.Again))
			}},
		{name: "then it moves", reason: "InSync",
			facts: with(settled(), moved, remoteOff, func(f *facts) { f.holder.reach = forbidden }),
			steps: []step{giveUpID, createRemote, recordID, updateRemote}},
		{name: "a webhook of another scope is not taken back", reason: "InSync",
			facts: with(settled(), moved, gaveUp(anotherAccount, "0f", reachable, fleet.Present, true),
				lastFormer(func(f *formerFacts) { f.webhook.Scope = platform.ScopeITwin })),
			steps: []step{giveUpID, createRemote, recordID, updateRemote}},
		{name: "what gives up an id keeps every former one on the list", reason: "InSync",
			facts: with(settled(), moved, gaveUp("gone/1", "0f", unreachable, fleet.Unseen, false)),
			steps: []step{giveUpID, createRemote, recordID, updateRemote},
			check: func(g Gomega, p plan) {
				g.Expect(p.former).To(Equal([]proof.Remote{{Account: "gone/1", ID: "0f"}, owned}))
			}},
		{name: "a list that merely lacks a former one makes no room until that is confirmed",
			facts: with(settled(), goneRemote, fullList(anAccount, reachable, fleet.Missing)), steps: []step{confirmRemote},
			check: removes(anAccount, "id-0")},
		{name: "a former one that another Webhook owns makes room", reason: "InSync",
			facts: with(settled(), goneRemote, fullList("gone/1", unreachable, fleet.Unseen), lastFormer(taken)),
			steps: []step{giveUpID, createRemote, recordID, updateRemote}},
		{name: "with Retain a former one that no connection reaches makes room", reason: "InSync",
			facts: with(settled(), goneRemote, retained, fullList("gone/1", unreachable, fleet.Unseen)),
			steps: []step{giveUpID, createRemote, recordID, updateRemote}},
		{name: "what waits is not sent before what is no longer allowed is off", steps: []step{removeOther},
			facts: with(settled(), edited, gaveUp(anotherAccount, "0f", forbidden, fleet.Present, true),
				func(f *facts) { f.remote.CallbackURL = "https://old" }), check: turnsOff("0f")},
		{name: "an account that cannot be reached leaves Ready to speak of the new one", reason: "InSync",
			facts: with(settled(), gaveUp("gone/1", "0f", unreachable, fleet.Unseen, false))},
		{name: "former ones go one after the other, those that can be reached", reason: "InSync",
			facts: with(settled(), gaveUp("gone/1", "0f", unreachable, fleet.Unseen, false),
				gaveUp(anotherAccount, "1f", reachable, fleet.Present, true)),
			steps: []step{removeOther, dropFormer},
			check: func(g Gomega, p plan) {
				g.Expect(p.other.ID).To(Equal("1f"))
				g.Expect(p.former).To(Equal([]proof.Remote{{Account: "gone/1", ID: "0f"}}))
			}},
		{name: "a deactivated webhook keeps its former ones", reason: "Deactivated",
			facts: with(settled(), knownDeactivated, onRequest, gaveUp(anotherAccount, "1f", reachable, fleet.Present, true))},
	})
}
