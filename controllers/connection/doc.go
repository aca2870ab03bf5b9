// Package connection makes connections members of their accounts: it logs in, lists the remote webhooks of an account
// every poll interval, and enqueues the Webhooks whose remote side changed.
package connection
