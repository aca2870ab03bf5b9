// Package harness runs the whole product for people and tests: a real control plane, the operator and the simulator as
// processes, and a receiver of events. Nothing of it is in the operator.
package harness
