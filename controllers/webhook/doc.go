// Package webhook keeps remote webhooks equal to Webhook objects.
//
// A reconcile is four steps: observe gathers facts, and calls no platform; plan.Decide turns them into a plan; execute
// carries the plan out, and is the only place with calls to the platform; report writes the status, once, and only when
// it says something new.
package webhook
