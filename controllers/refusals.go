package controllers

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/controllers/status"
)

const (
	// permissionPause is how long a missing permission is given to be granted, and what the platform refuses without
	// saying that the request is wrong to be possible.
	permissionPause = 10 * time.Minute
	// invalidPause is how long a request that the platform calls invalid is left alone.
	invalidPause = time.Hour
	// maxRefusals bounds how many requests of one object are remembered as refused.
	maxRefusals = 4
)

// passingPauses follow the first answers of a kind that often passes by itself, such as a conflict.
var passingPauses = []time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second}

// What a failed call is noted as that has no HTTP status: no answer came, or the platform accepted a change without
// making it.
const (
	noAnswer  = 0
	unchanged = -1
)

// refusalPause is how long a request is left alone after so many refusals in a row; passing is true while the operator
// expects the platform to take it soon.
func refusalPause(st, count int) (pause time.Duration, passing bool) {
	if st >= http.StatusInternalServerError || st == http.StatusUnauthorized || st == noAnswer {
		return min(firstBackoff<<min(count-1, 16), longestBackoff), true
	}
	switch st {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusLocked, http.StatusTooEarly:
		if count <= len(passingPauses) {
			return passingPauses[count-1], true
		}
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, unchanged:
		return invalidPause, false
	}
	return permissionPause, false
}

// passesByItself reports whether an answer is of a kind that often passes, given by the platform or by a proxy. A
// create that is answered 404 is refused: what does not exist is not the webhook, but what it should be about.
func passesByItself(s step, err error) bool {
	switch status.HTTPStatus(err) {
	case http.StatusNotFound:
		return s == createRemote
	case http.StatusMethodNotAllowed, http.StatusConflict, http.StatusLocked, http.StatusTooEarly:
		return s != confirmRemote
	}
	return false
}

// refusal is a request that the platform refused, and what the status says of it.
type refusal struct {
	// count is how often in a row, until is when it is tried again.
	count int
	until time.Time
	// generation of the spec that it was made for. Another one is tried at once.
	generation int64
	outcome    status.Outcome
}

// held reports for how long a refused request is left alone; 0 when it may be sent.
func (r refusal) held(now time.Time, generation int64) time.Duration {
	if r.count == 0 || r.generation != generation {
		return 0
	}
	return max(r.until.Sub(now), 0)
}

// noteRefusal notes what is known of a refused request.
func (m *memory) noteRefusal(name types.NamespacedName, uid types.UID, request string, noted refusal) {
	m.change(name, uid, func(a *attempt) { a.setRefusal(request, noted) })
}

// setRefusal changes a copy: what was handed out before stays as it was. The oldest makes room.
func (a *attempt) setRefusal(request string, noted refusal) {
	a.refusals = maps.Clone(a.refusals)
	if a.refusals == nil {
		a.refusals = map[string]refusal{}
	}
	a.refusals[request] = noted
	for len(a.refusals) > maxRefusals {
		oldest := request
		for other, r := range a.refusals {
			if r.until.Before(a.refusals[oldest].until) {
				oldest = other
			}
		}
		delete(a.refusals, oldest)
	}
}

// observeRefusals notes which requests of the object the platform refused. One that the status tells of, which a
// process before this one met, is tried again within the pause that follows a missing permission, or within 30 s if it
// was expected to pass, so that a restart does not send all of them at once.
func (r *WebhookReconciler) observeRefusals(f *facts, known attempt) {
	last := f.webhook.Status.RefusedRequest
	if _, noted := known.refusals[last]; last != "" && !noted && f.webhook.Status.ObservedGeneration == f.generation {
		count, pause := len(passingPauses), permissionPause
		if ready := status.ReadyOf(f.webhook); ready != nil && ready.Reason == v1alpha1.PlatformUnavailableReason {
			count, pause = 1, passingPauses[1]
		}
		known.setRefusal(last, refusal{
			count: count, generation: f.generation,
			until: f.now.Add(time.Duration(rand.Float64() * float64(pause))), //nolint:gosec // not for secrets
		})
		r.memory.noteRefusal(objectKey(f.webhook), f.webhook.UID, last, known.refusals[last])
	}
	f.refusals = known.refusals
}

// held reports for how long a request is left alone because the platform refused it. A person can ask to try it now.
func (f *facts) held(request string) time.Duration {
	if f.reconcileRequested() {
		return 0
	}
	return f.refusals[request].held(f.now, f.generation)
}

// stillRefused repeats what the platform said of a request that is left alone for a while.
func (f *facts) stillRefused(request string) status.Outcome {
	v := f.refusals[request].outcome
	if v.Reason == "" {
		v = f.reportedRefusal(request)
	}
	v.Retry = f.held(request)
	return v
}

// reportedRefusal is what the status says of a refusal that a process before this one met.
func (f *facts) reportedRefusal(request string) status.Outcome {
	ready := status.ReadyOf(f.webhook)
	if ready == nil || ready.Reason != v1alpha1.RefusedReason && ready.Reason != v1alpha1.PlatformUnavailableReason {
		return status.Outcome{
			Reason: v1alpha1.RefusedReason, Stalled: true, Refused: request,
			Message: "The platform refused this request before; it is tried again within " + permissionPause.String(),
		}
	}
	stalled := ready.Reason == v1alpha1.RefusedReason
	return status.Outcome{
		Reason: ready.Reason, Message: ready.Message, Stalled: stalled, Reconciling: !stalled, Refused: request,
	}
}

// requestOf identifies the request of a step, by what it sends.
func (r *executor) requestOf(s step) string {
	switch s {
	case createRemote:
		return fingerprintCreate(r.facts)
	case updateRemote:
		return fingerprintUpdate(r.facts, r.plan)
	case deleteRemote:
		return "delete " + r.facts.id()
	case removeOther:
		return r.plan.other.request()
	}
	return ""
}

// held reports for how long the request of a step must wait, because the platform refused it a short while ago, or
// because retries of what it refused would take more than their share of the account's rate limit.
func (r *executor) held(s step) time.Duration {
	if len(r.facts.refusals) == 0 {
		return 0
	}
	request := r.requestOf(s)
	noted, refusedBefore := r.facts.refusals[request]
	if !refusedBefore || r.facts.reconcileRequested() || noted.generation != r.facts.generation {
		return 0
	}
	if wait := r.facts.held(request); wait > 0 {
		return wait
	}
	member := r.holder()
	if s == removeOther {
		member = r.via[r.plan.other.Account]
	}
	wait := member.RetryIn()
	if wait > 0 {
		noted.until = r.now().Add(wait)
		r.memory.noteRefusal(r.key(), r.object().UID, request, noted)
	}
	return wait
}

// classifyRefusal says that the platform refused a request, and when it is tried again.
func (r *executor) classifyRefusal(s step, st int, message string) status.Outcome {
	request := r.requestOf(s)
	noted := r.facts.refusals[request]
	if noted.generation != r.facts.generation {
		noted = refusal{generation: r.facts.generation}
	}
	noted.count++
	pause, passing := refusalPause(st, noted.count)
	noted.until = r.now().Add(status.Jittered(pause))
	v := status.Outcome{Reason: v1alpha1.RefusedReason, Message: message, Stalled: true, Refused: request}
	if passing {
		v.Reason, v.Stalled, v.Reconciling = v1alpha1.PlatformUnavailableReason, false, true
	}
	ready := status.ReadyOf(r.object())
	if ready != nil && ready.Reason == v.Reason && sameRefusal(ready.Message, message) {
		v.Message = ready.Message
	}
	noted.outcome = v
	r.memory.noteRefusal(r.key(), r.object().UID, request, noted)
	v.Retry = noted.until.Sub(r.now())
	if whole := r.plan.outcome; s == updateRemote && whole.Refused != "" && whole.Refused != request {
		// A part of an update that was refused as a whole was refused, too: the status goes on telling of the whole.
		whole.Retry = min(whole.Retry, v.Retry)
		return whole
	}
	if s == updateRemote && r.plan.divisible() {
		v.Retry = status.Again
	}
	return v
}

// divisible reports whether an update holds, beside what the spec says of the webhook, what must not wait for that: its
// active state, or the secret.
func (p *plan) divisible() bool {
	return (p.patch.CallbackURL != "" || p.patch.EventTypes != nil) && (p.patch.Active != nil || p.sendSecret)
}

// withoutSpec is an update without the callbackUrl and the event types of the spec.
func (p *plan) withoutSpec() plan {
	rest := *p
	rest.patch.CallbackURL, rest.patch.EventTypes = "", nil
	return rest
}

// sameRefusal reports whether two messages are about the same operation, status and code: what else the platform says
// may differ each time, such as the id of a request.
func sameRefusal(a, b string) bool {
	upToCode := func(message string) string {
		parts := strings.SplitN(message, ": ", 3)
		return strings.Join(parts[:min(len(parts), 2)], ": ")
	}
	return upToCode(a) == upToCode(b)
}
