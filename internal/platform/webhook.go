package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	// Mark is the owner that the callback carries, in lower case; "" when it carries none. See Mark.
	Mark string
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

// Empty reports whether the patch changes nothing.
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
		Created     instant  `json:"created"`
		Modified    instant  `json:"modified"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return oddField(err)
	}
	switch {
	case wire.ID == "":
		return errors.New("webhook without id")
	case !ValidID(wire.ID):
		return fmt.Errorf("webhook with the id %q", Clean(wire.ID))
	case wire.Active == nil:
		return errors.New("active is missing or null")
	case wire.CallbackURL == "":
		return errors.New("callbackUrl is missing, null or empty")
	}
	for i, name := range wire.EventTypes {
		wire.EventTypes[i] = shared(name)
	}
	*w = Webhook{
		ID: wire.ID, Scope: shared(wire.Scope), ScopeID: shared(wire.ScopeID), Active: *wire.Active,
		CallbackURL: wire.CallbackURL, Mark: MarkOf(wire.CallbackURL), EventTypes: wire.EventTypes,
		Created: time.Time(wire.Created), Modified: time.Time(wire.Modified),
	}
	return nil
}

// oddField names the field that has another type than documented, and the type that it has.
func oddField(err error) error {
	odd, is := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !is:
		return err
	case odd.Field == "":
		return fmt.Errorf("it is a %s, not an object", odd.Value)
	}
	return fmt.Errorf("%s is a %s", odd.Field, odd.Value)
}

// shared is the one copy of a text that many webhooks have.
func shared(s string) string { return unique.Make(s).Value() }

// CanonicalID is the one spelling of an id by which webhooks are told apart: GUIDs are the same in either case.
// Requests use the platform's own spelling.
func CanonicalID(id string) string { return strings.ToLower(id) }

// SameID reports whether two ids are the same, in whichever case they are written.
func SameID(a, b string) bool { return strings.EqualFold(a, b) }

// instant is a time in any form that the platform may write it in. Reading it never fails: a time is not worth losing a
// whole list for.
type instant time.Time

// layouts are the forms of a time, beside seconds and milliseconds since 1970: with or without a fraction, with a zone
// or, as some services write UTC, without.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"}

// smallestMilliseconds since 1970 are larger than this from 1973 on; seconds are not before the year 5138.
const smallestMilliseconds = 1e11

// UnmarshalJSON reads a time; what cannot be read is the zero time.
func (i *instant) UnmarshalJSON(data []byte) error {
	*i = instant{}
	var text string
	if json.Unmarshal(data, &text) == nil {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				*i = instant(t.UTC())
				return nil
			}
		}
		return nil
	}
	var number float64
	if json.Unmarshal(data, &number) == nil && number > 0 && number < 1e15 {
		if number < smallestMilliseconds {
			number *= 1000
		}
		*i = instant(time.UnixMilli(int64(number)).UTC())
	}
	return nil
}
