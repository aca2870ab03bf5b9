// Package controllers registers the controllers of a manager. It is the only importer of both: webhook keeps remote
// webhooks equal to Webhook objects, connection lists the remote webhooks of accounts and enqueues the Webhooks whose
// side changed.
package controllers
