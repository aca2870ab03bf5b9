// Package controllers keeps remote webhooks equal to Webhook objects.
//
// A Webhook is reconciled in four rooms, one file each: observe gathers facts, decide turns them into a plan, act
// carries the plan out and is the only place with remote calls, report writes the status, once and only when it says
// something new. A Connection is reconciled by listing its remote webhooks and waking the Webhooks whose side changed.
package controllers
