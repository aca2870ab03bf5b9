// Package itwintest runs the operator inside a Go test: on the API server of an envtest environment, against a platform
// that is a simulator in the same process. A program, a chart or manifests that make Webhooks can be tested with it as
// they will run, with events that are signed and really delivered to an httptest.Server.
//
//	environment := &envtest.Environment{CRDs: itwintest.CRDs()}
//	config, err := environment.Start()
//	…
//	operator := itwintest.Start(t, config, itwintest.Options{})
//	operator.Connect("default", "my-app")
//	err = operator.Client.Create(ctx, webhook) // in the namespace default, with connectionRef my-app
//	operator.AwaitReady(webhook)
//	_, err = operator.Platform.Deactivate(webhook.Status.WebhookID)
//
// It does not start the API server, so envtest can be configured in any way. Like the simulator it is part of the
// public API of this module: docs/compatibility.md says what that means.
package itwintest
