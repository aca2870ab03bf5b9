package simtest

import "slices"

// Failures that have the same effect on many calls.
var (
	notSent    = []string{"no such host", "connection refused"}
	unanswered = []string{
		"connection reset", "certificate of an unknown authority", "HTTP on an https port", "no answer", "redirect",
		"403 with HTML", "403 without a body", "500", "502 with HTML", "503", "200 with HTML", "200 with an error",
	}
	refusedAsInvalid = []string{"400 in the platform's words", "422 in the platform's words"}
	accepted         = []string{"200 without a body", "200 with broken JSON"}
	notNow           = []string{"405 in the platform's words", "405 with HTML", "409 in the platform's words"}
	askedToWait      = []string{"429 with Retry-After: 120", "429 with Retry-After as a date"}
)

const (
	waitsLog      = "A change waits"
	connectionLog = "The connection is not ready"

	stateUnavailable = "Ready=False/PlatformUnavailable Reconciling=True/PlatformUnavailable"
	stateLimited     = "Ready=False/RateLimited Reconciling=True/RateLimited"
	stateRefused     = "Ready=False/Refused Stalled=True/Refused"
	stateNotReady    = "Ready=False/ConnectionNotReady"
	stateInSync      = "Ready=True/InSync"
	stateDeleting    = "Ready=False/Deleting"
	stateGivingUp    = "Ready=False/Deleting Stalled=True/Deleting"
	stateGone        = "gone"

	stateConnected    = "Ready=True/Connected"
	stateUnauthorized = "Ready=False/Unauthorized Stalled=True/Unauthorized"

	waitsMessage = "A change waits because the platform does not answer as documented: "
)

// failureRows are the table: each failure of each call is in one row.
func failureRows() []expected {
	return slices.Concat(tokenRows(), listRows(), readRows(), createRows(), writeRows("create", settling),
		activateRows(), writeRows("activate", doubling), updateRows(), writeRows("update", doubling), deleteRows())
}

// tokenRows are about a new connection: none of its Webhooks has a remote webhook yet.
func tokenRows() []expected {
	const message = `Connection "default" is not ready: `
	log := []string{connectionLog, waitsLog}
	elsewhere := slices.Concat(refusedAsInvalid, notNow, []string{
		"401 in the platform's words", "403 in the platform's words", "404 in the platform's words",
	})
	return []expected{
		{call: "get a token", failures: slices.Concat(notSent, unanswered, accepted, []string{
			"404 with HTML", "200 that breaks off", "200 with nothing done", "200 with another JSON",
		}), webhook: stateUnavailable, connection: stateUnavailable, message: message, log: log, least: 19, most: 20,
			next: doubling},
		{call: "get a token", failures: elsewhere, webhook: stateUnavailable, connection: stateUnavailable,
			message: message, says: "; check whether tokenUrl is right", log: log, least: 19, most: 20, next: doubling},
		{call: "get a token", failures: []string{"400 invalid_client", "200 with invalid_client"},
			webhook: stateNotReady, connection: stateUnauthorized, message: message +
				"The platform does not accept the credentials; correct the Secret: ", log: log,
			least: 19, most: 20, next: doubling},
		{call: "get a token", failures: askedToWait, webhook: stateLimited, connection: stateLimited, message: message,
			log: log, least: 12, most: 30, next: pausing},
		{call: "get a token", failures: []string{"429 without Retry-After"}, webhook: stateLimited,
			connection: stateLimited, message: message, log: log, least: 12, most: 30, next: pausingHalf},
		{call: "get a token", failures: []string{"503 with Retry-After: 120"}, webhook: stateUnavailable,
			connection: stateUnavailable, message: message, log: log, least: 12, most: 30, next: pausing},
	}
}

// listRows are about an account with a Webhook whose spec is edited when the lists have failed for a minute.
func listRows() []expected {
	log := []string{connectionLog, waitsLog}
	return []expected{
		{call: "list", failures: slices.Concat(except(notSent), except(unanswered, "certificate of an unknown authority"),
			refusedAsInvalid, notNow, accepted, []string{
				"404 in the platform's words", "404 with HTML", "200 that breaks off", "200 with nothing done",
				"link to another host", "webhook of more than 1 MiB",
			}), webhook: stateUnavailable, connection: stateUnavailable, log: log, least: 60, most: 66, next: asPolls},
		{call: "list", failures: []string{"certificate of an unknown authority"}, webhook: stateUnavailable,
			connection: stateUnavailable, message: waitsMessage, log: log, least: 19, most: 20, next: doubling},
		{call: "list", failures: []string{"401 in the platform's words"}, webhook: stateNotReady,
			connection: stateUnauthorized, message: "The platform does not accept the connection's credentials: ", log: log,
			least: 19, most: 40, next: doubling},
		{call: "list", failures: []string{"403 in the platform's words"}, webhook: stateNotReady,
			connection: stateUnauthorized, message: "The platform accepts the credentials but they lack a permission; " +
				"grant it to the application: ", log: log, least: 19, most: 20, next: doubling},
		{call: "list", failures: askedToWait, webhook: stateInSync, connection: stateLimited,
			message: "The platform's ", log: log, least: 29, most: 31, next: twoMinutes},
		{call: "list", failures: []string{"429 without Retry-After"}, webhook: stateInSync, connection: stateLimited,
			message: "The platform's ", log: log, least: 118, most: 121, next: halfMinute},
		{call: "list", failures: []string{"503 with Retry-After: 120"}, webhook: stateUnavailable,
			connection: stateUnavailable, message: waitsMessage, log: log, least: 29, most: 31, next: twoMinutes},
		{call: "list", failures: []string{"odd entry", "entry without id"}, webhook: stateInSync,
			connection: stateConnected, message: "The remote webhooks were listed, ",
			log: []string{"except for entries that cannot be read"}, least: 60, most: 62, next: interval},
	}
}

// readRows are about a Webhook whose remote webhook was deleted: the lists lack it.
func readRows() []expected {
	const lacking = "The lists lack remote webhook "
	log := []string{"Failed to read a remote webhook that the lists lack", waitsLog}
	return []expected{
		{call: "read", failures: slices.Concat(notSent, unanswered, accepted, []string{
			"404 with HTML", "405 with HTML", "200 that breaks off", "200 with nothing done",
		}), webhook: stateUnavailable, connection: stateConnected, message: lacking, log: log,
			least: 19, most: 20, next: doubling},
		{call: "read", failures: []string{"503 with Retry-After: 120"}, webhook: stateUnavailable,
			connection: stateConnected, message: lacking, log: log, least: 16, most: 20, next: asAsked},
		{call: "read", failures: []string{"401 in the platform's words"}, webhook: stateNotReady,
			connection: stateConnected, message: lacking, log: log, least: 38, most: 40, next: doubling},
		{call: "read", failures: refusedAsInvalid, webhook: stateRefused, connection: stateConnected,
			message: "The platform refused to get webhook ", event: "Refused", least: 1, most: 1, next: hourly},
		{call: "read", failures: []string{"403 in the platform's words"}, webhook: stateRefused,
			connection: stateConnected, message: "The platform refused to get webhook ", event: "Refused",
			least: 6, most: 7, next: everyTen},
		{call: "read", failures: []string{"405 in the platform's words", "409 in the platform's words"},
			webhook: stateRefused, connection: stateConnected, message: "The platform refused to get webhook ",
			event: "Refused", log: []string{waitsLog}, least: 8, most: 10, next: passing},
		{call: "read", failures: []string{"404 in the platform's words"}, webhook: stateInSync,
			connection: stateConnected, event: "Drifted", least: 1, most: 1, next: none},
		{call: "read", failures: askedToWait, webhook: stateInSync, connection: stateConnected,
			least: 29, most: 31, next: twoMinutes},
		{call: "read", failures: []string{"429 without Retry-After"}, webhook: stateInSync, connection: stateConnected,
			least: 118, most: 121, next: halfMinute},
	}
}

// writeRows are what creates, activations and updates have in common.
func writeRows(call string, next schedule) []expected {
	log, failures := []string{waitsLog}, except(unanswered)
	if call == "create" {
		failures = append(failures, "200 that breaks off")
	} else {
		failures = append(failures, append(except(notSent), "404 with HTML", "200 that breaks off")...)
	}
	rows := []expected{
		{call: call, failures: failures, webhook: stateUnavailable, connection: stateConnected, message: waitsMessage,
			log: log, least: 18, most: 20, next: next},
		{call: call, failures: []string{"401 in the platform's words"}, webhook: stateNotReady,
			connection: stateConnected, message: "The platform does not accept the connection's credentials: ", log: log,
			least: 38, most: 40, next: doubling},
		{call: call, failures: askedToWait, webhook: stateLimited, connection: stateConnected,
			message: "Waiting: API ", log: log, least: 29, most: 31, next: twoMinutes},
		{call: call, failures: []string{"429 without Retry-After"}, webhook: stateLimited, connection: stateConnected,
			message: "Waiting: API ", log: log, least: 118, most: 121, next: halfMinute},
		{call: call, failures: []string{"503 with Retry-After: 120"}, webhook: stateUnavailable,
			connection: stateConnected, message: waitsMessage, log: log, least: 16, most: 20, next: asAsked},
		{call: call, failures: accepted, webhook: stateInSync, connection: stateConnected,
			log: []string{"remote webhook"}, least: 1, most: 1, next: none},
		{call: call, failures: []string{"200 with nothing done"}, webhook: stateUnavailable, connection: stateConnected,
			message: "The platform accepted the change but has not made it", log: log, least: 18, most: 20, next: next},
	}
	return rows
}

func createRows() []expected {
	const message = "The platform refused to create webhook "
	return []expected{
		{call: "create", failures: notSent, webhook: stateUnavailable, connection: stateConnected, message: waitsMessage,
			log: []string{waitsLog}, least: 19, most: 20, next: doubling},
		{call: "create", failures: refusedAsInvalid, webhook: stateRefused, connection: stateConnected, message: message,
			event: "Refused", least: 1, most: 1, next: hourly},
		{call: "create", failures: []string{"403 in the platform's words"}, webhook: stateRefused,
			connection: stateConnected, message: message, event: "Refused", least: 6, most: 7, next: everyTen},
		{call: "create", failures: append(except(notNow), "404 in the platform's words", "404 with HTML"),
			webhook: stateRefused, connection: stateConnected, message: message, event: "Refused",
			log: []string{waitsLog}, least: 8, most: 10, next: passing},
	}
}

// activateRows are about the update that follows a create. It carries the callbackUrl, and the active state and the
// secret, which are sent once more without it: no refusal of the callbackUrl holds them back.
func activateRows() []expected {
	const message = "The platform refused to update webhook "
	return []expected{
		{call: "activate", failures: refusedAsInvalid, webhook: stateRefused, connection: stateConnected, message: message,
			event: "Refused", least: 2, most: 2, next: hourlyInParts},
		{call: "activate", failures: []string{"403 in the platform's words"}, webhook: stateRefused,
			connection: stateConnected, message: message, event: "Refused", least: 7, most: 14, next: tenMinutesInParts},
		{call: "activate", failures: append(except(notNow), "404 in the platform's words"), webhook: stateRefused,
			connection: stateConnected, message: message, event: "Refused", log: []string{waitsLog}, least: 9, most: 20,
			next: twoParts},
	}
}

func updateRows() []expected {
	const message = "The platform refused to update webhook "
	log := []string{waitsLog}
	return []expected{
		{call: "update", failures: refusedAsInvalid, webhook: stateRefused, connection: stateConnected, message: message,
			event: "Refused", least: 1, most: 1, next: hourly},
		{call: "update", failures: []string{"403 in the platform's words"}, webhook: stateRefused,
			connection: stateConnected, message: message, event: "Refused", least: 6, most: 7, next: everyTen},
		{call: "update", failures: []string{"404 in the platform's words"}, webhook: stateRefused,
			connection: stateConnected, message: message, event: "Refused", log: log, least: 9, most: 11, next: passesNow},
		{call: "update", failures: []string{"405 in the platform's words", "409 in the platform's words"},
			webhook: stateRefused, connection: stateConnected, message: message, event: "Refused", log: log,
			least: 8, most: 10, next: passing},
		{call: "update", failures: []string{"405 with HTML"}, webhook: stateRefused, connection: stateConnected,
			message: message, event: "Refused", log: log, least: 9, most: 20, next: twoParts},
	}
}

func deleteRows() []expected {
	const message = "The remote webhook could not be deleted yet: "
	row := func(webhook string, least, most int, next schedule, failures ...string) expected {
		return expected{call: "delete", failures: failures, webhook: webhook, connection: stateConnected,
			message: message, event: "DeleteFailed", least: least, most: most, next: next}
	}
	invalid := row(stateGivingUp, 1, 1, hourly, refusedAsInvalid...)
	nothing := row(stateDeleting, 19, 20, doubling, "200 that breaks off", "200 with nothing done")
	nothing.says = "the platform accepted the deletion but has not made it"
	return []expected{
		row(stateDeleting, 18, 20, doubling, slices.Concat(notSent, unanswered, []string{"404 with HTML"})...),
		row(stateDeleting, 38, 40, doubling, "401 in the platform's words"),
		invalid, nothing,
		row(stateGivingUp, 6, 7, everyTen, "403 in the platform's words"),
		row(stateGivingUp, 9, 11, passesNow, "404 in the platform's words"),
		row(stateGivingUp, 8, 10, passing, notNow...),
		row(stateDeleting, 29, 31, twoMinutes, askedToWait...),
		row(stateDeleting, 118, 121, halfMinute, "429 without Retry-After"),
		row(stateDeleting, 16, 20, asAsked, "503 with Retry-After: 120"),
		{call: "delete", failures: accepted, webhook: stateGone, connection: stateConnected,
			log: []string{"The platform accepted the deletion of a remote webhook"}, least: 1, most: 1, next: none},
	}
}

// except returns a copy of some failures without others.
func except(failures []string, others ...string) []string {
	return slices.DeleteFunc(slices.Clone(failures), func(f string) bool { return slices.Contains(others, f) })
}
