package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unique"
)

// Scopes of a webhook.
const (
	ScopeAccount = "Account"
	ScopeITwin   = "iTwin"
)

// Webhook is a webhook as the platform reports it. The signing secret is never part of it: the platform tells it only
// in the answer to a create, and the operator always sends its own.
type Webhook struct {
	ID          string
	Scope       string
	ScopeID     string
	Active      bool
	CallbackURL string
	EventTypes  []string
	// Created and Modified are the platform's own times; zero when it sent none that could be read.
	Created  time.Time
	Modified time.Time
	Mark     string
}

// CreateRequest is the body of a create. ScopeID stays empty for Account scope, where the platform fills it in.
// New webhooks are always inactive.
type CreateRequest struct {
	CallbackURL string   `json:"callbackUrl"`
	Scope       string   `json:"scope"`
	ScopeID     string   `json:"scopeId,omitempty"`
	EventTypes  []string `json:"eventTypes"`
	// Secret signs the events; at least 32 characters.
	Secret string `json:"secret,omitempty"`
}

// Patch is the body of an update: what is nil or empty stays as it is.
type Patch struct {
	Active      *bool    `json:"active,omitempty"`
	CallbackURL string   `json:"callbackUrl,omitempty"`
	EventTypes  []string `json:"eventTypes,omitempty"`
	Secret      string   `json:"secret,omitempty"`
}

// Empty tells whether the patch changes nothing.
func (p Patch) Empty() bool {
	return p.Active == nil && p.CallbackURL == "" && len(p.EventTypes) == 0 && p.Secret == ""
}

// UnmarshalJSON reads the platform's form. Unknown fields are tolerated; a body that lacks what every webhook has is
// refused, so that an unrelated 200 is never mistaken for an inactive webhook. So is an id that could not be asked for.
func (w *Webhook) UnmarshalJSON(data []byte) error {
	var wire struct {
		ID          string   `json:"id"`
		Scope       string   `json:"scope"`
		ScopeID     string   `json:"scopeId"`
		Active      *bool    `json:"active"`
		CallbackURL string   `json:"callbackUrl"`
		EventTypes  []string `json:"eventTypes"`
		Created     string   `json:"created"`
		Modified    string   `json:"modified"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	switch {
	case wire.ID == "":
		return errors.New("webhook without id")
	case !ValidID(wire.ID):
		return fmt.Errorf("webhook with the id %q", clean(wire.ID))
	case wire.Active == nil:
		return fmt.Errorf("webhook %q without active", wire.ID)
	case wire.CallbackURL == "":
		return fmt.Errorf("webhook %q without callbackUrl", wire.ID)
	}
	for i, name := range wire.EventTypes {
		wire.EventTypes[i] = shared(name)
	}
	*w = Webhook{
		ID: wire.ID, Scope: shared(wire.Scope), ScopeID: shared(wire.ScopeID), Active: *wire.Active,
		CallbackURL: wire.CallbackURL, Mark: MarkOf(wire.CallbackURL), EventTypes: wire.EventTypes,
		Created: readTime(wire.Created), Modified: readTime(wire.Modified),
	}
	return nil
}

// shared is the one copy of a text that many webhooks have.
func shared(s string) string { return unique.Make(s).Value() }

// readTime is lenient: a time is never worth failing a whole list for.
func readTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
