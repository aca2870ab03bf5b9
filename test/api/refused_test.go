package api

import (
	"errors"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestRefusals(t *testing.T) {
	every := slices.Concat(table(t, "refused", "every_connection"), longRefusedConnections)
	for _, kind := range []struct {
		name, base string
		rows       []row
	}{
		{"Webhook", webhook, slices.Concat(table(t, "refused", "webhook"), longRefusedWebhooks)},
		{"Connection", connection, slices.Concat(every, table(t, "refused", "connection"))},
		{"ClusterConnection", clusterConnection, slices.Concat(every, table(t, "refused", "clusterconnection"))},
	} {
		for _, row := range kind.rows {
			t.Run(kind.name+"/"+row.Name, func(t *testing.T) {
				err := k8s.Create(t.Context(), manifest(t, kind.base, row.Change), client.DryRunAll)
				if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
					t.Fatalf("the API server does not refuse the manifest: %v", err)
				}
				NewWithT(t).Expect(complaints(err)).To(ConsistOf(row.Says))
			})
		}
	}
}

// complaints are what an error says of each field, without the hint that CEL rules are checked only once the schema is
// obeyed.
func complaints(err error) (all []string) {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return nil
	}
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			if !strings.Contains(cause.Message, "some validation rules were not checked") {
				all = append(all, cause.Field+": "+cause.Message)
			}
		}
	}
	if all == nil {
		const unknown = "strict decoding error: "
		_, message, _ := strings.Cut(err.Error(), unknown)
		all = []string{unknown + message}
	}
	return all
}

// TestEveryRuleRefuses: no CEL rule of the CRDs is without a manifest, or an update, that it refuses.
func TestEveryRuleRefuses(t *testing.T) {
	var said []string
	for _, path := range []string{"refused/webhook", "refused/every_connection", "refused/connection",
		"refused/clusterconnection", "updates"} {
		for _, row := range table(t, path) {
			said = append(said, row.Says...)
		}
	}
	var unproved []string
	for _, plural := range plurals {
		for _, rule := range rules(schemaOf(t, plural)) {
			if !slices.ContainsFunc(said, func(s string) bool { return strings.HasSuffix(s, rule.Message) }) {
				unproved = append(unproved, plural+": "+rule.Message)
			}
		}
	}
	NewWithT(t).Expect(unproved).To(BeEmpty())
}
