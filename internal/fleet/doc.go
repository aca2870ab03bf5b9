// Package fleet keeps, for each account, one snapshot of all its remote webhooks, as an informer keeps one of an API
// server's objects. The platform can only be listed, so one list per interval serves every Webhook of an account, by
// however many connections they use it; what the operator writes itself enters the snapshot at once.
//
// The snapshot lags behind the platform. Four rules keep it right:
//   - A list that began before a write ended says nothing about the webhook that was written.
//   - Absence from a list is unconfirmed: a webhook is gone when a read of it answered 404 and a list that began later
//     lacks it too.
//   - A list that failed, in whole or in part, changes nothing.
//   - Trouble with the credentials, or with the way, of one connection is that connection's; trouble with the platform
//     is the account's.
package fleet
