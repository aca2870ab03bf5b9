package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

// Version 1 asks a callback whether it wants events before it sends any, as HTTP 1.1 Web Hooks for Event Delivery of
// CloudEvents has it: an OPTIONS request, whose answer names the origin that asked.

// dispatchValidation hands the question to the workers.
func (s *Simulator) dispatchValidation(w *webhook) {
	s.mu.Lock()
	w.asked = true
	s.mu.Unlock()
	s.dispatcher.submit(callbackHost(w.CallbackURL), w.ID, func() { s.validate(w) })
}

func (s *Simulator) validate(w *webhook) {
	confirm, err := url.Parse(w.V1.ConfirmURL) // like the callback, it never changes
	if err != nil {
		panic("simulator: a URL of its own that is none: " + err.Error())
	}
	header := http.Header{}
	header.Set("WebHook-Request-Origin", confirm.Host)
	header.Set("WebHook-Request-Callback", confirm.String())
	answer := s.sender.do(s.closed, http.MethodOptions, w.CallbackURL, header, nil)
	if s.closed.Err() != nil {
		return // broken off by the end of the simulator: asked again at the next start
	}
	defer s.state.later()
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.V1.Validation = nil; w.V1.IsValidated {
		return // by hand meanwhile
	}
	allowed := answer.header.Get("WebHook-Allowed-Origin")
	if answer.err == nil && isSuccess(answer.status) && (allowed == "*" || strings.EqualFold(allowed, confirm.Host)) {
		s.validated(w)
		return
	}
	w.V1.ValidationState = validationFailed
	s.recordChange(w, false)
	s.note("callback not validated", "webhook", w.ID, "status", answer.status, "error", answer.err)
}

// validated notes that a callback belongs to the owner of the webhook, and turns the webhook on for the first time.
func (s *Simulator) validated(w *webhook) {
	if w.V1.IsValidated {
		return
	}
	w.V1.IsValidated, w.V1.ValidationState, w.V1.Validation = true, validationDone, nil
	s.state.later()
	s.setActive(w, true, "the validation of its callback")
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }
