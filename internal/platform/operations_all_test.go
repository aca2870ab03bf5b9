package platform_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
	"webhook-operator.io/itwin/simulator"
)

// TestEveryOperationIsTested: the tests of errors, causes and tokens go through the table of operations.
func TestEveryOperationIsTested(t *testing.T) {
	g := NewWithT(t)
	client := reflect.TypeFor[*platform.Client]()
	var methods []string
	for method := range client.Methods() {
		// Login is no call of the API.
		if method.Type.NumIn() > 1 && method.Type.In(1) == reflect.TypeFor[context.Context]() && method.Name != "Login" {
			methods = append(methods, strings.ToLower(method.Name))
		}
	}
	var tested []string
	for name := range operations {
		tested = append(tested, name)
	}
	g.Expect(tested).To(ConsistOf(methods))
}

func TestEveryOperationIsServedByTheSimulator(t *testing.T) {
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simulator.Options{})
			w, err := s.create()
			s.Expect(err).NotTo(HaveOccurred())
			s.Expect(do(s, w.ID)).To(Succeed())
		})
	}
}
