package status

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/api/v1alpha1"
)

// reasons are all reasons, and whether each means that something was to be sent and has not been.
var reasons = map[string]bool{
	v1alpha1.RateLimitedReason: true, v1alpha1.PlatformUnavailableReason: true, v1alpha1.ConnectionNotReadyReason: true,
	v1alpha1.KubernetesRefusedReason: true, v1alpha1.ProgressingReason: true,

	v1alpha1.InSyncReason: false, v1alpha1.DeactivatedReason: false, v1alpha1.ConnectionNotFoundReason: false,
	v1alpha1.ConnectionNotAllowedReason: false, v1alpha1.SecretNotFoundReason: false,
	v1alpha1.SecretInvalidReason: false, v1alpha1.RefusedReason: false, v1alpha1.NotFoundReason: false,
	v1alpha1.AlreadyClaimedReason: false, v1alpha1.DriftedReason: false, v1alpha1.LeftBehindReason: false,
	v1alpha1.DeletingReason: false, v1alpha1.ActiveReason: false, v1alpha1.InactiveReason: false,
	v1alpha1.ConnectedReason: false, v1alpha1.UnauthorizedReason: false, v1alpha1.HostNotAllowedReason: false,
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
