// Package signature is for receivers of iTwin Platform events. It verifies the Signature header of a delivery, hands
// the raw bytes on, decodes the event, and recognises one that was delivered before. It imports the standard library
// alone.
//
//	http.Handle("/events", &signature.Handler{
//		Secrets: signature.Files("/etc/itwin/secret", "/etc/itwin/previous"),
//		Next:    events,
//	})
//
// The platform signs the bytes of the body, so verify them before anything parses, compresses or re-encodes them. An
// event counts as delivered when the answer is 200 and comes within 5 seconds; others are delivered again, 12 times in
// 3 days, and then the platform turns the webhook off.
//
// Verify authenticates. Explain is for a person who asks why a signature does not match: it tries what commonly goes
// wrong with secrets and bodies, so nothing may be accepted because of it.
package signature
