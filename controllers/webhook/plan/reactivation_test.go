package plan

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

func TestDecideDeactivationWhileAnUpdateIsHeldBack(t *testing.T) {
	drifted := func(f *Facts) { f.Remote.CallbackURL = "https://old" }
	refused := func(f *Facts) {
		drifted(f)
		updateRefused(platform.Patch{CallbackURL: callback})(f)
	}
	contested := func(f *Facts) {
		drifted(f)
		f.ContestedUntil = noon.Add(time.Minute)
	}
	testDecisions(t, []decision{
		{name: "OnRequest notes a deactivation although the update was refused", reason: "Refused",
			facts: with(settled(), onRequest, remoteOff, refused), steps: []Step{NoteDeactivation}},
		{name: "OnRequest notes a deactivation although a correction waits", reason: "Drifted",
			facts: with(settled(), onRequest, remoteOff, contested), steps: []Step{NoteDeactivation}},
		{name: "OnRequest leaves a deactivated webhook off although a correction waits", reason: "Drifted",
			facts: with(settled(), onRequest, knownDeactivated, contested)},
		{name: "OnRequest leaves a deactivated webhook off when a correction is due",
			reason: "Deactivated", steps: []Step{UpdateRemote},
			facts: with(settled(), onRequest, knownDeactivated, drifted),
			check: func(g Gomega, p Plan) { g.Expect(p.Patch).To(Equal(platform.Patch{CallbackURL: callback})) }},
		{name: "a refused update stores no Secret", reason: "Refused", steps: []Step{NoteDeactivation},
			facts: with(settled(), onRequest, remoteOff, refused, func(f *Facts) { f.Secret.Metadata = true })},
	})
}
