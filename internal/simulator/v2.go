package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// webhookV2 is the webhook of version 2 on the wire. The secret shows only in the answer to create.
type webhookV2 struct {
	ID          string    `json:"id"`
	Scope       string    `json:"scope"`
	ScopeID     string    `json:"scopeId"`
	Active      bool      `json:"active"`
	CallbackURL string    `json:"callbackUrl"`
	Secret      string    `json:"secret,omitempty"`
	EventTypes  []string  `json:"eventTypes"`
	Created     Timestamp `json:"created"`
	Modified    Timestamp `json:"modified"`
}

func viewV2(w *webhook) webhookV2 {
	return webhookV2{
		ID: w.ID, Scope: w.Scope, ScopeID: w.ScopeID, Active: w.Active, CallbackURL: w.CallbackURL,
		EventTypes: w.EventTypes, Created: w.Created, Modified: w.Modified,
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
	var body listV2Body
	all := s.webhooksOf(c)
	if s.options.PageSize > 0 {
		all, body.Links = page(c, all, s.options.PageSize)
	}
	body.Webhooks = make([]webhookV2, 0, len(all))
	for _, w := range all {
		body.Webhooks = append(body.Webhooks, viewV2(w))
	}
	return jsonResponse(http.StatusOK, body)
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
	v := s.newValidator(c)
	v.only("callbackUrl", "scope", "scopeId", "eventTypes", "secret")
	w := &webhook{Webhook: Webhook{
		ClientID:    c.account.ClientID,
		APIVersion:  int(v2),
		CallbackURL: v.callbackURL(required),
		EventTypes:  v.eventTypes(required, eventTypePatternV2),
		Secret:      v.secret(),
	}}
	w.Scope, w.ScopeID = v.scope(c.account)
	if v.failed() {
		return invalidRequest("Create", v.details)
	}
	if w.Secret == "" {
		w.Secret = randomHex(32)
	}
	s.addWebhook(w)
	view := viewV2(w)
	view.Secret = w.Secret
	return jsonResponse(http.StatusCreated, view)
}

func (s *Simulator) getV2(c *call) *response {
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	return jsonResponse(http.StatusOK, viewV2(w))
}

// updateV2 changes what the body names, all of it or nothing.
func (s *Simulator) updateV2(c *call) *response {
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	v := s.newValidator(c)
	v.only("active", "callbackUrl", "eventTypes", "secret")
	v.notEmpty()
	active, callbackURL := v.bool("active"), v.callbackURL(optional)
	eventTypes, secret := v.eventTypes(optional, eventTypePatternV2), v.secret()
	if v.failed() {
		return invalidRequest("Update", v.details)
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
	return jsonResponse(http.StatusOK, viewV2(w))
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
