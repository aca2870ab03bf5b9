package simtest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// variants are the ways in which the platform may differ from what we think that change nothing about the outcome.
var variants = []string{
	"ids-upper", "ids-upper-in-lists", "ids-upper-strict", "urls-normalised", "urls-decoded", "urls-slash",
	"urls-slash-in-lists", "urls-query", "event-types-sorted",
	"times-without-zone", "times-without-fraction", "times-null", "times-unix", "date-skew=10m", "date-skew=-10m",
	"update-makes-secret", "creates-merge", "reads-lag=3s", "lists-lag=3s", "creates-active", "modified-moves",
}

// Some scenarios take over what already exists under a spelling of its callback that RFC 3986 calls another one.
var (
	byLikeness = []string{"adopt", "apply to a rebuilt cluster"}
	takenOver  = append([]string{"import", "restore from a backup"}, byLikeness...)

	// otherwise are the scenarios that end in another way under a variant: nothing is adopted by a likeness that the RFC
	// does not know, and an answer that repeats what was imported teaches no spelling.
	otherwise = map[string][]string{"urls-slash": byLikeness, "urls-slash-in-lists": byLikeness, "urls-query": takenOver}
)

// unmarked are the variants under which no create carries its owner: what an interrupted one leaves behind is inactive,
// counted, and never deleted.
var unmarked = []string{"creates-refuse-query", "creates-drop-query"}

// TestVariants plays every scenario under each variant of the platform, and ends the operator at every call that leaves
// it.
func TestVariants(t *testing.T) {
	for _, variant := range variants {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			all := newVisits(t, "under "+variant)
			for _, s := range scenarios() {
				if slices.Contains(otherwise[variant], s.name) {
					continue
				}
				s.variant = variant
				if variant == "modified-moves" {
					s.lasts = 2 * time.Minute // that no client moves them is found out after several lists
				}
				for _, k := range leaving(all.visit(t, s).traces[0], "") {
					all.visit(t, s, dies(k))
				}
			}
		})
	}
}

// TestVariantsWithoutMarks plays the same where creates cannot be marked.
func TestVariantsWithoutMarks(t *testing.T) {
	for _, variant := range unmarked {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			all := newVisits(t, "under "+variant)
			for _, s := range scenarios() {
				s.variant, s.most = variant, 3*max(s.webhooks, 1)
				s.check = nil
				undisturbed := s.play(t)
				s.complain(t, undisturbed)
				for _, k := range leaving(undisturbed.traces[0], "") {
					all.count.Add(1)
					o := s.play(t, dies(k))
					o.violations = slices.DeleteFunc(o.violations, leftover)
					s.complain(t, o, dies(k))
				}
			}
		})
	}
}

// TestADeposedProcessCreatesWithoutAMarkItsCreateIsUndone stops the leader after each request of a create until another
// one has created: when it goes on, it deletes what it created, which could not be recognised later.
func TestADeposedProcessCreatesWithoutAMarkItsCreateIsUndone(t *testing.T) {
	s := scenarioNamed("create with a generated secret")
	s.variant, s.most = "creates-refuse-query", 2
	v := newVisits(t, "deposed, without marks")
	for _, k := range leaving(s.play(t).traces[0], "after ", "POST /webhooks") {
		v.visit(t, s, []disruption{{point: k, what: freeze, frozen: 12 * time.Second}})
	}
}

// leftover reports whether a violation is what may be left behind: an inactive webhook that is counted.
func leftover(violation string) bool {
	return strings.HasPrefix(violation, "inactive remote webhook") || strings.HasPrefix(violation, "unmanagedWebhooks ")
}
