package status

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// reasons are all reasons, and whether each means that something was to be sent and has not been.
var reasons = map[string]bool{
	itwinv1alpha1.RateLimitedReason: true, itwinv1alpha1.PlatformUnavailableReason: true, itwinv1alpha1.ConnectionNotReadyReason: true,
	itwinv1alpha1.KubernetesRefusedReason: true, itwinv1alpha1.ProgressingReason: true,

	itwinv1alpha1.InSyncReason: false, itwinv1alpha1.DeactivatedReason: false, itwinv1alpha1.ConnectionNotFoundReason: false,
	itwinv1alpha1.ConnectionNotAllowedReason: false, itwinv1alpha1.SecretNotFoundReason: false,
	itwinv1alpha1.SecretInvalidReason: false, itwinv1alpha1.RefusedReason: false, itwinv1alpha1.NotFoundReason: false,
	itwinv1alpha1.AlreadyClaimedReason: false, itwinv1alpha1.DriftedReason: false, itwinv1alpha1.LeftBehindReason: false,
	itwinv1alpha1.DeletingReason: false, itwinv1alpha1.SuspendedReason: false, itwinv1alpha1.ActiveReason: false, itwinv1alpha1.InactiveReason: false,
	itwinv1alpha1.ConnectedReason: false, itwinv1alpha1.UnauthorizedReason: false, itwinv1alpha1.HostNotAllowedReason: false,
}

func TestEveryReasonWaitsOrNot(t *testing.T) {
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, parser.SkipObjectResolution)
	g.Expect(err).NotTo(HaveOccurred())
	var declared []string
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasSuffix(spec.Names[0].Name, "Reason") {
			declared = append(declared, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return true
	})
	g.Expect(declared).To(HaveLen(len(reasons)))
	for _, reason := range declared {
		waits, decided := reasons[reason]
		g.Expect(decided).To(BeTrue(), "this test must say whether %s waits", reason)
		g.Expect(Waits(reason)).To(Equal(waits), reason)
	}
}
