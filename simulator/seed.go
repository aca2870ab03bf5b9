package simulator

import (
	"errors"
	"fmt"
)

// Seed is a webhook of version 2 that AddWebhooks makes. Its properties are those of a create and, beside them, whose
// it is and whether it is active.
type Seed struct {
	ClientID    string   `json:"clientId"`
	Scope       string   `json:"scope"`
	ScopeID     string   `json:"scopeId,omitempty"`
	CallbackURL string   `json:"callbackUrl"`
	EventTypes  []string `json:"eventTypes"`
	// Secret is generated where it is empty.
	Secret string `json:"secret,omitempty"`
	Active bool   `json:"active,omitempty"`
}

// AddWebhooks makes webhooks as if calls had made and updated them, and returns them in the same order. No call is
// counted. When one of them is not as a create must be, none is made.
func (s *Simulator) AddWebhooks(seeds []Seed) ([]Webhook, error) {
	defer s.state.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	planted := make([]*webhook, len(seeds))
	for i, seed := range seeds {
		w, err := s.webhookOf(seed)
		if err != nil {
			return nil, fmt.Errorf("webhook %d of %d: %w", i+1, len(seeds), err)
		}
		planted[i] = w
	}
	views := make([]Webhook, len(planted))
	for i, w := range planted {
		s.addWebhook(w)
		views[i] = w.view()
	}
	return views, nil
}

// webhookOf is the webhook that a seed describes, or what is wrong with it.
func (s *Simulator) webhookOf(seed Seed) (*webhook, error) {
	if seed.ClientID == "" {
		return nil, errors.New("clientId is required")
	}
	v := s.newValidator(encodeJSON(seed))
	w := v.webhookV2(s.accountOf(seed.ClientID))
	if v.failed() {
		return nil, errors.New(v.details[0].Message)
	}
	w.Active = seed.Active
	return w, nil
}
