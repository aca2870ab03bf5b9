// Package simtest is the crash simulation: processes of the operator, which are its real controllers, an API server of
// objects and watch events, and the simulated platform, on one virtual clock. Everything that happens is on one agenda,
// so that a test can let a process die, freeze or be deposed at each point at which it sends or receives something. Its
// tests are the scenarios.
package simtest
