// Package fleet keeps, for each connection, one picture of all its remote webhooks, as an informer keeps one of an API
// server's objects. The platform can only be listed, so one list per interval serves every Webhook of a connection;
// what the operator writes itself enters the picture at once.
//
// The picture is about a moving thing, seen late. Three rules keep it honest:
//   - A list that began before a write ended says nothing about the webhook that was written.
//   - Absence from a list is a rumour until a read of that one webhook answers 404.
//   - A list that failed, in whole or in part, changes nothing.
package fleet
