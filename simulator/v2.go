package simulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// webhookV2 is the webhook of version 2 on the wire. The secret shows only in the answer to create.
type webhookV2 struct {
	ID          string          `json:"id"`
	Scope       string          `json:"scope"`
	ScopeID     string          `json:"scopeId"`
	Active      bool            `json:"active"`
	CallbackURL string          `json:"callbackUrl"`
	Secret      string          `json:"secret,omitempty"`
	EventTypes  []string        `json:"eventTypes"`
	Created     json.RawMessage `json:"created"`
	Modified    json.RawMessage `json:"modified"`
}

// viewV2 is a webhook as version 2 returns it, in a list or by itself.
func (s *Simulator) viewV2(w *webhook, inList bool) webhookV2 {
	return webhookV2{
		ID: s.spellID(w.ID, inList), Scope: w.Scope, ScopeID: s.spellID(w.ScopeID, inList), Active: w.Active,
		CallbackURL: s.spellURL(w.CallbackURL, inList), EventTypes: s.spellEventTypes(w.EventTypes),
		Created: s.spellTime(w.Created), Modified: s.spellTime(w.Modified),
	}
}

// listV2Body is the answer to list. Links appear only when the simulator is told to answer in pages.
type listV2Body struct {
	Webhooks []webhookV2 `json:"webhooks"`
	Links    *pageLinks  `json:"_links,omitempty"`
}

type pageLinks struct {
	Self link  `json:"self"`
	Next *link `json:"next,omitempty"`
}

type link struct {
	Href string `json:"href"`
}

func (s *Simulator) listV2(c *call) *response {
	s.moveModified(c)
	var body listV2Body
	all := s.webhooksOf(c)
	switch {
	case s.on(variantPages):
		all, body.Links = page(c, all, 1)
		body.Links.respell()
	case s.options.PageSize > 0:
		all, body.Links = page(c, all, s.options.PageSize)
	}
	body.Webhooks = make([]webhookV2, 0, len(all))
	for _, w := range all {
		body.Webhooks = append(body.Webhooks, s.viewV2(w, true))
	}
	return jsonResponse(http.StatusOK, body)
}

// respell writes the host of the next page in another way that means the same.
func (l *pageLinks) respell() {
	if l.Next == nil {
		return
	}
	next, err := url.Parse(l.Next.Href)
	if err != nil {
		panic("simulator: a URL of its own that is none: " + err.Error())
	}
	if next.Host = strings.ToUpper(next.Host); next.Port() == "" {
		next.Host += map[string]string{"https": ":443", "http": ":80"}[next.Scheme]
	}
	l.Next.Href = next.String()
}

// moveModified changes the time of the last change of every webhook that a call may see, if the variant is on.
func (s *Simulator) moveModified(c *call) {
	if !s.on(variantModifiedMoves) {
		return
	}
	for _, w := range s.webhooks {
		if s.mayUse(c, w) {
			s.touch(w)
		}
	}
	s.state.later()
}

// page cuts a list as other APIs of the platform do, by $skip and $top. A deletion between two pages makes the next one
// begin too late, which is the trap that lies in paging by position.
func page(c *call, all []*webhook, size int) ([]*webhook, *pageLinks) {
	query := c.request.URL.Query()
	skip, top := 0, size
	if n, err := strconv.Atoi(query.Get("$skip")); err == nil && n > 0 {
		skip = min(n, len(all))
	}
	if n, err := strconv.Atoi(query.Get("$top")); err == nil && n > 0 {
		top = min(n, size)
	}
	href := func(skip int) link {
		values := url.Values{"$skip": {strconv.Itoa(skip)}, "$top": {strconv.Itoa(top)}}
		return link{Href: c.baseURL() + "/webhooks?" + values.Encode()}
	}
	links := &pageLinks{Self: href(skip)}
	end := min(skip+top, len(all))
	if end < len(all) {
		links.Next = &link{Href: href(end).Href}
	}
	return all[skip:end], links
}

func (s *Simulator) createV2(c *call) *response {
	if refused := s.refuseCreate(); refused != nil {
		return refused
	}
	v := s.readBody(c)
	v.only("callbackUrl", "scope", "scopeId", "eventTypes", "secret")
	w := v.webhookV2(c.account)
	if v.failed() {
		return invalidRequest("Create", v.details)
	}
	if s.on(variantCreatesDropQuery) {
		w.CallbackURL, _ = splitMarker(w.CallbackURL)
	}
	if equal := s.findEqual(c, w); equal != nil {
		return s.createdV2(equal)
	}
	w.Active = s.on(variantCreatesActive)
	s.addWebhook(w)
	return s.createdV2(w)
}

// webhookV2 reads the properties of a new webhook. A secret that is absent is generated.
func (v *validator) webhookV2(a *account) *webhook {
	w := &webhook{Webhook: Webhook{
		ClientID:    a.ClientID,
		APIVersion:  int(v2),
		CallbackURL: v.callbackURL(required),
		EventTypes:  v.eventTypes(required, eventTypePatternV2),
		Secret:      cmp.Or(v.secret(), randomHex(32)),
	}}
	w.Scope, w.ScopeID = v.scope(a)
	return w
}

// createdV2 is the answer to create, the only one with the secret.
func (s *Simulator) createdV2(w *webhook) *response {
	view := s.viewV2(w, false)
	view.Secret = w.Secret
	return jsonResponse(http.StatusCreated, view)
}

// findEqual returns the webhook that a create is merged with, or nil if there is none or the variant is off.
func (s *Simulator) findEqual(c *call, created *webhook) *webhook {
	if !s.on(variantCreatesMerge) {
		return nil
	}
	types := slices.Sorted(slices.Values(created.EventTypes))
	for _, w := range s.webhooks {
		if s.mayUse(c, w) && w.CallbackURL == created.CallbackURL && w.Scope == created.Scope &&
			strings.EqualFold(w.ScopeID, created.ScopeID) && slices.Equal(slices.Sorted(slices.Values(w.EventTypes)), types) {
			return w
		}
	}
	return nil
}

func (s *Simulator) getV2(c *call) *response {
	w := s.readWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	return jsonResponse(http.StatusOK, s.viewV2(w, false))
}

// updateV2 changes what the body names, all of it or nothing.
func (s *Simulator) updateV2(c *call) *response {
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	v := s.readBody(c)
	v.only("active", "callbackUrl", "eventTypes", "secret")
	v.notEmpty()
	active, callbackURL := v.bool("active"), v.callbackURL(optional)
	eventTypes, secret := v.eventTypes(optional, eventTypePatternV2), v.secret()
	if v.failed() {
		return invalidRequest("Update", v.details)
	}
	if secret == "" && s.on(variantUpdateMakesSecret) {
		secret = randomHex(32)
	}
	before := w.view()
	if callbackURL != "" {
		w.CallbackURL = callbackURL
	}
	if eventTypes != nil {
		w.EventTypes = eventTypes
	}
	if secret != "" {
		w.Secret = secret
	}
	if w.CallbackURL != before.CallbackURL || w.Secret != before.Secret || !slices.Equal(w.EventTypes, before.EventTypes) {
		s.touch(w)
	}
	if active != nil {
		s.setActive(w, *active, "its owner")
	}
	return jsonResponse(http.StatusOK, s.viewV2(w, false))
}

// deleteWebhook is the same in both versions.
func (s *Simulator) deleteWebhook(c *call) *response {
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	s.removeWebhook(w)
	return newResponse(http.StatusNoContent)
}
