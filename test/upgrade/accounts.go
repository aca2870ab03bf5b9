package upgrade

import (
	"net/http"

	"webhook-operator.io/itwin/simulator"
)

// Accounts of the platform, each named by its client ID. A connection has the name of its account.
const (
	Sound        = "default"      // works
	Organization = "organization" // works; of a ClusterConnection that allows some namespaces and callbacks
	Refusing     = "refusing"     // answers 422 to each create and update
	Forbidding   = "forbidding"   // answers 403 to each create
	Keeping      = "keeping"      // answers 503 to each deletion
	Unauthorized = "unauthorized" // accepts no credentials
	Limited      = "limited"      // is over its rate limit
	Unavailable  = "unavailable"  // is down
	Absent       = "absent"       // has no Secret with credentials
)

// OfCluster is the account of a ClusterConnection with the faults of a Connection's account.
func OfCluster(account string) string { return "cluster-" + account }

// manyTimes is more often than a fault is met. What it has left tells how often it was.
const manyTimes = 1_000_000

// Faults are those of the accounts. Version 0.1.0 had them when it was recorded, and an upgrade does not end them.
func Faults() (faults []simulator.Fault) {
	add := func(account, method, path, action string) {
		faults = append(faults, simulator.Fault{
			Match: simulator.Match{ClientID: account, Method: method, Path: path}, Action: action, Times: manyTimes,
		})
	}
	add(Refusing, http.MethodPost, "/webhooks", "status:422")
	add(Refusing, http.MethodPatch, "/webhooks/{id}", "status:422")
	add(Forbidding, http.MethodPost, "/webhooks", "status:403")
	add(Keeping, http.MethodDelete, "/webhooks/{id}", "status:503")
	for _, of := range []func(string) string{func(account string) string { return account }, OfCluster} {
		add(of(Unauthorized), "", "", "status:401")
		add(of(Limited), "", "/webhooks", "status:429;retry-after=3600")
		add(of(Limited), "", "/webhooks/{id}", "status:429;retry-after=3600")
		add(of(Unavailable), "", "/webhooks", "status:503")
		add(of(Unavailable), "", "/webhooks/{id}", "status:503")
	}
	return faults
}
