package simulator

import (
	"net/http"
	"strings"
)

// Variant is a named way in which the real platform may differ from the default model.
type Variant struct {
	// Name is how the variant is called.
	Name string `json:"name"`
	// Syntax is how it is written: the name, with "=DURATION" or "=ACTION" if it takes a value.
	Syntax string `json:"syntax"`
	// Description says what differs.
	Description string `json:"description"`
	// On reports whether the variant is on.
	On bool `json:"on"`
	// Value is the value that it is on with.
	Value string `json:"value,omitempty"`
}

// Variants returns all known variants, those that are off as well.
func (s *Simulator) Variants() []Variant {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Variant, 0, len(variants))
	for _, v := range variants {
		described := Variant{Name: v.name, Syntax: v.syntax(), Description: v.description}
		if active := s.variants[v.name]; active != nil {
			described.On, described.Value = true, active.value
		}
		all = append(all, described)
	}
	return all
}

// SetVariant switches a variant on, given as "name" or "name=value". For one that is on already, only the value
// changes. It returns an error for an unknown name or a bad value.
func (s *Simulator) SetVariant(spec string) error {
	name, value, _ := strings.Cut(spec, "=")
	return s.setVariant(name, value)
}

func (s *Simulator) setVariant(name, value string) error {
	active, err := newActiveVariant(name, value)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switchOn(active)
	return nil
}

// ClearVariant switches one variant off. It returns an error for an unknown name; one that is off stays so.
func (s *Simulator) ClearVariant(name string) error {
	if _, err := findVariant(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.variants, name)
	return nil
}

// ClearVariants switches all variants off, those of the options as well.
func (s *Simulator) ClearVariants() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.variants)
}

// switchOn makes a variant active, with the webhooks of this moment as its starting point.
func (s *Simulator) switchOn(v *activeVariant) {
	if old := s.variants[v.name]; old != nil {
		old.value, old.duration, old.fault = v.value, v.duration, v.fault
		return
	}
	switch v.name {
	case variantHidden, variantHiddenCreatesRefused:
		v.hidden = make(map[string]bool, len(s.webhooks))
		for _, w := range s.webhooks {
			v.hidden[w.ID] = true
		}
	case variantListsLag, variantReadsLag:
		v.replica = newReplica(s.webhooks)
	}
	s.variants[v.name] = v
}

// resetVariants leaves exactly the variants of the options on.
func (s *Simulator) resetVariants() {
	s.variants = map[string]*activeVariant{}
	for _, spec := range s.options.Variants {
		if active, err := parseVariant(spec); err == nil { // it was validated
			s.switchOn(active)
		}
	}
}

// on reports whether a variant is on.
func (s *Simulator) on(name string) bool { return s.variants[name] != nil }

// refuseCreate is the answer to a create that a variant refuses, or nil.
func (s *Simulator) refuseCreate() *response {
	if s.on(variantHiddenCreatesRefused) {
		return errInsufficientPermissions.response(http.StatusForbidden)
	}
	return nil
}

// dateHeader is the time in the Date header of an answer.
func (s *Simulator) dateHeader() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	if skew := s.variants[variantDateSkew]; skew != nil {
		now = now.Add(skew.duration)
	}
	return now.Format(http.TimeFormat)
}

// isHidden reports whether a variant hides a webhook from the API.
func (s *Simulator) isHidden(id string) bool {
	for _, active := range s.variants {
		if active.hidden[id] {
			return true
		}
	}
	return false
}
