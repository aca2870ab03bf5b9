// Package simulator is a stand-in for the webhooks of Bentley's iTwin Platform: the token endpoint, versions 2 and 1 of
// the Webhooks API, and the delivery of events to real callbacks, with the platform's signature, retries and
// deactivation. It runs on a virtual clock, so that three days can pass in a test in milliseconds, and it fails on
// request in the ways a remote service fails.
//
// It exists to catch the mistakes of its clients, so where the platform's documentation leaves a choice it takes the
// stricter one. docs/simulator.md lists those choices.
//
// A Simulator is an http.Handler: serve it with httptest.NewServer, and give its URL to the program that is tested. The
// package is part of the public API of this module, and depends on nothing else of it; itwintest adds the operator.
package simulator
