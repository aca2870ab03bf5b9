package simtest

import (
	"testing"
	"time"
)

// faultVariants are ways in which the platform, a proxy or the token server may answer otherwise that change nothing
// about the outcome, and how much longer it takes.
var faultVariants = []struct {
	name  string
	lasts time.Duration
}{
	{name: "answers=bom"},
	{name: "answers=gzip"},
	{name: "answers=extra-fields"},
	{name: "lists-in-pages"},
	{name: "writes=accepted:200", lasts: time.Minute},
	{name: "writes=accepted:202", lasts: time.Minute},
	{name: "writes=accepted:204", lasts: time.Minute},
	{name: "writes=garbage", lasts: time.Minute},
	{name: "writes-at-first=status:401"},
	{name: "writes-at-first=html:403", lasts: time.Minute},
	{
		name:  "writes-at-first=status:405",
		lasts: 3 * time.Minute,
	},
	{name: "writes-at-first=status:409", lasts: 3 * time.Minute},
	{
		name:  "writes-at-first=status:404",
		lasts: 3 * time.Minute,
	},
	{name: "writes-at-first=redirect:307", lasts: time.Minute},
	{name: "writes-at-first=status:403", lasts: 45 * time.Minute},
	{name: "writes-at-first=status:429;retry-after=3", lasts: time.Minute},
	{name: "writes-at-first=status:503;retry-after=+3s", lasts: time.Minute},
	{name: "lists-every-other=html:502", lasts: time.Minute},
	{name: "lists-every-other=redirect:302", lasts: time.Minute},
	{name: "lists-every-other=odd-entries:id", lasts: time.Minute},
	{name: "reads-every-other=empty:500", lasts: time.Minute},
	{name: "tokens=token-type:bearer"},
	{name: "tokens=expires-in:"},
	{name: `tokens=expires-in:"3600"`},
	{name: "tokens=expires-in:3600.5"},
	{name: "tokens=expires-in:0"},
	{name: "tokens=expires-in:-1"},
	{name: "tokens-every-other=token-error:200", lasts: time.Minute},
	{name: "tokens-every-other=status:429;retry-after=+3s", lasts: time.Minute},
	{name: "tokens-every-other=status:503;retry-after=3", lasts: time.Minute},
}

// TestFaultVariants plays a few scenarios under each of these, and ends the operator at every call that leaves it.
func TestFaultVariants(t *testing.T) {
	for _, variant := range faultVariants {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			all := newVisits(t, "under "+variant.name)
			for _, name := range []string{
				"create with a generated secret", "update", "rotate a generated secret", "reactivate", "delete",
			} {
				s := scenarioNamed(name)
				s.variant, s.lasts, s.settles = variant.name, variant.lasts, variant.lasts
				for _, k := range leaving(all.visit(t, s).traces[0], "") {
					all.visit(t, s, dies(k))
				}
			}
		})
	}
}

// TestARequestIsInvalidAtFirst plays a refusal that passes by itself although the platform calls the request invalid:
// each other request waits for an hour.
func TestARequestIsInvalidAtFirst(t *testing.T) {
	s := scenarioNamed("create with a generated secret")
	s.variant, s.lasts = "writes-at-first=status:422", 5*time.Hour
	newVisits(t, "under "+s.variant).visit(t, s)
}
