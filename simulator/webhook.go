package simulator

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Scopes of a webhook.
const (
	scopeAccount = "Account"
	scopeITwin   = "iTwin"
)

// timestampLayout is RFC 3339 with milliseconds, always three digits of them, as the platform writes its times.
const timestampLayout = "2006-01-02T15:04:05.000Z07:00"

// Timestamp is a virtual time that is written as the platform writes it.
type Timestamp struct{ time.Time }

// MarshalJSON writes the time in UTC with exactly three digits of milliseconds.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"` + timestampLayout + `"`)), nil
}

// Webhook is a webhook as the simulator knows it: what the platform shows, and what it does not.
type Webhook struct {
	ID          string    `json:"id"`
	ClientID    string    `json:"clientId"`
	APIVersion  int       `json:"apiVersion"` // of the call that created it; the other version does not see it
	Scope       string    `json:"scope"`
	ScopeID     string    `json:"scopeId"`
	Active      bool      `json:"active"`
	CallbackURL string    `json:"callbackUrl"`
	EventTypes  []string  `json:"eventTypes"`
	Secret      string    `json:"secret"`
	Created     Timestamp `json:"created"`
	Modified    Timestamp `json:"modified"`
	// QueuedEvents is how many events wait to be delivered or tried again.
	QueuedEvents int `json:"queuedEvents"`
	// V1 is nil for webhooks of version 2.
	V1 *DetailsV1 `json:"v1,omitempty"`
}

// webhook is a Webhook with what waits for it.
type webhook struct {
	Webhook
	queue map[*delivery]struct{}
	// Of version 1: what is planned, and that its callback is being asked already.
	tasks []*task
	asked bool
}

// view is a copy for other packages.
func (w *webhook) view() Webhook {
	view := w.Webhook
	view.EventTypes = slices.Clone(w.EventTypes)
	view.QueuedEvents = len(w.queue)
	if w.V1 != nil {
		details := *w.V1
		view.V1 = &details
	}
	return view
}

// accepts reports whether an answer with that status means that an event was delivered: 200 and nothing else. Version 1
// takes other successes as well; the sample receiver of it answers with 204.
func (w *webhook) accepts(status int) bool {
	return status == http.StatusOK || w.V1 != nil && isSuccess(status)
}

// receives reports whether the webhook gets events at all.
func (w *webhook) receives() bool {
	return w.Active && (w.V1 == nil || w.V1.IsValidated)
}

// addWebhook stores a new webhook of an account.
func (s *Simulator) addWebhook(w *webhook) {
	now := s.clock.now()
	w.ID, w.Created, w.Modified = uuid.NewString(), Timestamp{now}, Timestamp{now}
	w.queue = map[*delivery]struct{}{}
	s.webhooks = append(s.webhooks, w)
	s.webhooksByID[w.ID] = w
	s.recordChange(w, false)
	s.note("webhook created", "webhook", w.ID, "clientId", w.ClientID, "callbackUrl", w.CallbackURL)
}

// findWebhook returns the webhook that a call names, or nil: those of other accounts and of the other version of the
// API do not exist for it.
func (s *Simulator) findWebhook(c *call) *webhook {
	w := s.webhooksByID[s.readID(c.id)]
	if w == nil || !s.mayUse(c, w) {
		return nil
	}
	return w
}

// readWebhook is findWebhook for reads, which show an older state with reads-lag.
func (s *Simulator) readWebhook(c *call) *webhook {
	r := s.replicaOf(variantReadsLag)
	if r == nil {
		return s.findWebhook(c)
	}
	w := r.byID[s.readID(c.id)]
	if w == nil || !s.mayUse(c, w) {
		return nil
	}
	return w
}

// mayUse reports whether a webhook exists for a call.
func (s *Simulator) mayUse(c *call, w *webhook) bool {
	return w.ClientID == c.account.ClientID && w.APIVersion == int(c.version) && !s.isHidden(w.ID)
}

// webhooksOf lists what a call may see, oldest first. With lists-lag these are copies.
func (s *Simulator) webhooksOf(c *call) []*webhook {
	all := s.webhooks
	if r := s.replicaOf(variantListsLag); r != nil {
		all = r.webhooks
	}
	var own []*webhook
	for _, w := range all {
		if s.mayUse(c, w) {
			own = append(own, w)
		}
	}
	return own
}

func (s *Simulator) removeWebhook(w *webhook) {
	s.dropQueue(w)
	s.cancelV1(w)
	delete(s.webhooksByID, w.ID)
	i := slices.Index(s.webhooks, w)
	s.webhooks = slices.Delete(s.webhooks, i, i+1)
	s.recordChange(w, true)
	s.note("webhook deleted", "webhook", w.ID)
}

// setActive turns a webhook on or off. Events that wait for one that is turned off are lost.
func (s *Simulator) setActive(w *webhook, active bool, by string) {
	if w.Active == active {
		return
	}
	w.Active = active
	if !active {
		s.dropQueue(w)
	}
	s.touch(w)
	s.note("webhook turned "+map[bool]string{true: "on", false: "off"}[active], "webhook", w.ID, "by", by)
}

// touch notes a change. The time of it is later than that of the change before even if the clock stands still, so that
// a client that compares them sees that there was one.
func (s *Simulator) touch(w *webhook) {
	now := s.clock.now()
	if !now.After(w.Modified.Time) {
		now = w.Modified.Add(time.Millisecond)
	}
	w.Modified = Timestamp{now}
	s.recordChange(w, false)
}
