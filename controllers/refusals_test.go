package controllers_test

import (
	"sync"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("An API server that refuses requests", func() {
	// All rows at the same time, each in a namespace of its own, before one operator: the time is that of one pause.
	It("is reported with its message, delays nothing else, and is retried twice a minute", func() {
		makeRole(fullRole, shippedRules(""))
		scenes := make([]*refusalScene, len(refusals))
		namespaces := make([]string, len(refusals))
		for i, row := range refusals {
			s := &refusalScene{simulation: newSimulation(), row: row}
			s.unbind = s.bind(fullRole)
			s.connection = s.connect()
			scenes[i], namespaces[i] = s, s.namespace
		}
		server := startRefusedOperator(namespaces)
		var all sync.WaitGroup
		for _, s := range scenes {
			s.server = server
			all.Go(s.play)
		}
		all.Wait()
	})
})
