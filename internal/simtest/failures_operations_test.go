package simtest

import (
	"context"
	"reflect"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/controllers/connection"
)

// callsOf are the calls of the table of failures that each operation of the platform's client is sent for.
var callsOf = map[string][]string{
	"Login": {"get a token"}, "List": {"list"}, "Get": {"read"}, "Create": {"create"}, "Update": {"activate", "update"},
	"Delete": {"delete"},
}

func TestTheFailureTableHasEveryOperation(t *testing.T) {
	g := NewWithT(t)
	client := reflect.TypeFor[connection.API]()
	var known []string
	for method := range client.Methods() {
		if method.Type.NumIn() == 0 || method.Type.In(0) != reflect.TypeFor[context.Context]() {
			continue // it sends nothing
		}
		g.Expect(callsOf).To(HaveKey(method.Name))
		known = slices.Concat(known, callsOf[method.Name])
	}
	var failing []string
	for _, c := range failingCalls() {
		failing = append(failing, c.name)
	}
	g.Expect(failing).To(ConsistOf(known))
}
