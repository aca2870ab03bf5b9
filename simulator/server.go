package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP answers as the platform does, and under /simulator/ administers the simulator.
//
// Lost connections are played with http.ErrAbortHandler, which net/http and httptest.Server turn into a closed
// connection; a handler called by hand, without a server, panics with it.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isCanonical(r) {
		s.serveUnknown(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// serveCall answers a call to the platform; an empty template means that no route has its path.
func (s *Simulator) serveCall(w http.ResponseWriter, r *http.Request, template string) {
	c, err := s.readCall(r, template)
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off before its request was complete: nothing happens
	}
	fault := s.receive(c)
	s.sleep(s.options.Latency)
	if fault == nil {
		s.send(w, s.answer(c))
		return
	}
	s.note("playing a fault", "method", r.Method, "path", r.URL.Path, "action", fault.Action)
	fault.play(s, w, c)
}

// receive counts a call and takes the fault that is set for it, if any.
func (s *Simulator) receive(c *call) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	clientID := s.clientOf(c)
	s.requests.add(c.key(), clientID, s.clock.now())
	if fault := s.faults.take(c, clientID); fault != nil {
		return fault
	}
	return s.variantFault(c)
}

// answer carries out a call. Once it returns, its effect is there, and in the state file if there is one.
func (s *Simulator) answer(c *call) *response {
	s.mu.Lock()
	r := s.answerLocked(c)
	s.mu.Unlock()
	if c.request.Method != http.MethodGet {
		s.state.now()
	}
	s.log.Debug("call", "method", c.request.Method, "path", c.request.URL.Path, "status", r.status)
	return r
}

func (s *Simulator) answerLocked(c *call) *response {
	op, refused := c.findOperation()
	if refused != nil {
		return refused
	}
	if op.template == tokenPath {
		return s.issueToken(c)
	}
	if refused := s.authenticate(c); refused != nil {
		return refused
	}
	limiter, silent := &c.account.limiter, s.on(variantRemainingAbsent)
	var r *response
	if wait := limiter.take(s.clock.now()); wait > 0 {
		r = tooManyRequests(c.version, wait)
	} else if r = op.handler(c.version)(s, c); limiter.limited() {
		r.header[headerRemainingCalls] = []string{strconv.Itoa(limiter.remaining(s.on(variantRemainingOfHour)))}
	}
	switch {
	case silent:
		delete(r.header, headerRemainingCalls)
	case s.options.Subscription != "":
		r.header[headerTier] = []string{s.options.Subscription}
	}
	return r
}

// findOperation finds what the call asks for, or the refusal of a call that asks for nothing there is.
func (c *call) findOperation() (operation, *response) {
	op, found := findOperation(c.request.Method, c.template)
	switch {
	case c.tooLarge:
		return op, errRequestTooLarge.response(http.StatusRequestEntityTooLarge)
	case c.template == "":
		return op, errResourceNotFound.response(http.StatusNotFound)
	case c.template == tokenPath && found:
		return op, nil
	case c.version == 0:
		return op, errNotAcceptable.response(http.StatusNotAcceptable)
	case !existsIn(c.version, c.template):
		return op, errResourceNotFound.response(http.StatusNotFound)
	case !found || op.handler(c.version) == nil:
		r := errMethodNotAllowed.response(http.StatusMethodNotAllowed)
		r.header.Set("Allow", allowedMethods(c.template, c.version))
		return op, r
	}
	return op, nil
}

// send stamps the answer with the virtual time and sends it.
func (s *Simulator) send(w http.ResponseWriter, r *response) {
	w.Header().Set("Date", s.dateHeader())
	r.write(w)
}

// note logs something that happens, with the virtual time of it.
func (s *Simulator) note(message string, attributes ...any) {
	s.log.Info(message, append([]any{"at", s.clock.now().Format(timestampLayout)}, attributes...)...)
}

// sleep waits in real time, or until the simulator is closed.
func (s *Simulator) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closed.Done():
	}
}
