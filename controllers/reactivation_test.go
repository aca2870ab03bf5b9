package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

func TestDecideDeactivationWhileAnUpdateIsHeldBack(t *testing.T) {
	drifted := func(f *facts) { f.remote.CallbackURL = "https://old" }
	refused := func(f *facts) {
		drifted(f)
		updateRefused(platform.Patch{CallbackURL: callback})(f)
	}
	contested := func(f *facts) {
		drifted(f)
		f.contestedUntil = noon.Add(time.Minute)
	}
	testDecisions(t, []decision{
		{name: "OnRequest notes a deactivation although the update was refused", reason: "Refused",
			facts: with(settled(), onRequest, remoteOff, refused), steps: []step{noteDeactivation}},
		{name: "OnRequest notes a deactivation although a correction waits", reason: "Drifted",
			facts: with(settled(), onRequest, remoteOff, contested), steps: []step{noteDeactivation}},
		{name: "OnRequest leaves it off then although the correction waits", reason: "Drifted",
			facts: with(settled(), onRequest, knownDeactivated, contested)},
		{name: "OnRequest leaves it off when the correction is due", reason: "Deactivated", steps: []step{updateRemote},
			facts: with(settled(), onRequest, knownDeactivated, drifted),
			check: func(g Gomega, p plan) { g.Expect(p.patch).To(Equal(platform.Patch{CallbackURL: callback})) }},
		{name: "a refused update stores no Secret", reason: "Refused", steps: []step{noteDeactivation},
			facts: with(settled(), onRequest, remoteOff, refused, func(f *facts) { f.secret.ownership = true })},
	})
}
