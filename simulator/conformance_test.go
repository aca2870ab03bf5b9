package simulator_test

import (
	"os"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// row is one operation, error or rule of the platform. The simulator must pass all of them, and the platform itself
// those that need nothing but a client of it.
type row struct {
	rule string
	// only says why the row can be checked on the simulator only; empty: it need not be.
	only string
	// options of the simulator that the row needs.
	options simulator.Options
	// check gets no simulator on the platform itself.
	check func(g *WithT, c *client, s *simulator.Simulator)
}

// Reasons for rows that only the simulator can be asked about.
const (
	needsFault    = "the failure must be caused"
	needsClock    = "time must be moved"
	needsEvents   = "events must be caused, and received on this machine"
	needsAccounts = "needs a second account"
	needsLimit    = "a limit must be reached"
	needsIModel   = "needs an iModel, and a callback that the platform can reach"
	notDocumented = "the platform does not document it: docs/simulator.md says what is assumed"
)

var conformance = slices.Concat(
	tokenRows, authorizationRows, versionRows, createRows, refusedCreateRows, readRows, updateRows, refusedUpdateRows,
	deleteRows, failureRows, rateLimitRows, deliveryRows, v1Rows,
)

func TestConformanceOfTheSimulator(t *testing.T) {
	called, played := map[string]bool{}, 0
	for _, r := range conformance {
		t.Run(r.rule, func(t *testing.T) {
			s, c := newSimulator(t, r.options)
			r.check(NewWithT(t), c, s)
			for call := range s.Requests().Counts {
				called[call] = true
			}
			played++
		})
	}
	if played < len(conformance) {
		return // -run chose among the rows, or one failed
	}
	for _, call := range simulator.Operations() {
		if !called[call] {
			t.Errorf("no row calls %s", call)
		}
	}
}

// TestConformanceOfThePlatform asks the real platform whether it is what the simulator takes it for. It needs the
// credentials of a Service Application, and makes and deletes webhooks of it.
func TestConformanceOfThePlatform(t *testing.T) {
	apiURL, tokenURL := os.Getenv("ITWIN_API_URL"), os.Getenv("ITWIN_TOKEN_URL")
	id, password := os.Getenv("ITWIN_CLIENT_ID"), os.Getenv("ITWIN_CLIENT_SECRET")
	if apiURL == "" || tokenURL == "" || id == "" || password == "" {
		t.Skip("ITWIN_API_URL, ITWIN_TOKEN_URL, ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET are not all set")
	}
	for _, r := range conformance {
		t.Run(r.rule, func(t *testing.T) {
			if r.only != "" {
				t.Skip(r.only)
			}
			c := &client{t: t, apiURL: apiURL, tokenURL: tokenURL, accept: acceptV2, clientID: id, clientSecret: password}
			c.login()
			r.check(NewWithT(t), c, nil)
		})
	}
}
