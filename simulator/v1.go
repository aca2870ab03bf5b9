package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

const (
	// v1Lifetime is after what a webhook of version 1 expires, and is turned off, unless its owner says when.
	v1Lifetime = 30 * 24 * time.Hour
	// v1Delay is how much later, in virtual time, what version 1 answers with 202 comes about. The platform does not
	// say how much later that is, only that it is later.
	v1Delay = time.Second
	// scopeIModel is the scope that webhooks of version 1 have here. Their API does not speak of scopes.
	scopeIModel = "iModel"
)

var eventTypePatternV1 = regexp.MustCompile(`^[A-Za-z]+Event$`)

// What version 1 says about the validation of a callback.
const (
	validationPending = "Webhook endpoint was not validated yet."
	validationDone    = "Webhook endpoint was validated successfully."
	validationFailed  = "Webhook endpoint could not be validated."
)

// DetailsV1 is what only webhooks of version 1 have.
type DetailsV1 struct {
	ExpirationDateTime Timestamp `json:"expirationDateTime"`
	IsValidated        bool      `json:"isValidated"`
	ValidationState    string    `json:"validationState"`
	// ConfirmURL confirms by hand that the callback belongs to the owner of the webhook.
	ConfirmURL string `json:"confirmUrl"`
	// Validation is when the callback is asked whether it wants events; nil: it has been.
	Validation *Timestamp `json:"validation,omitempty"`
	// Change is a change that has been accepted and is not made yet.
	Change *ChangeV1 `json:"change,omitempty"`
}

// ChangeV1 is a change of a webhook of version 1 that comes about later.
type ChangeV1 struct {
	Active bool      `json:"active"`
	Due    Timestamp `json:"due"`
}

// summaryV1 is a webhook in the list of version 1.
type summaryV1 struct {
	ID                 string          `json:"id"`
	EventSource        string          `json:"eventSource"`
	IsActive           bool            `json:"isActive"`
	IsValidated        bool            `json:"isValidated"`
	CallbackURL        string          `json:"callbackUrl"`
	ExpirationDateTime json.RawMessage `json:"expirationDateTime"`
}

// webhookV1 is a webhook of version 1 read by itself.
type webhookV1 struct {
	ID                 string          `json:"id"`
	IsActive           bool            `json:"isActive"`
	IsValidated        bool            `json:"isValidated"`
	CallbackURL        string          `json:"callbackUrl"`
	ExpirationDateTime json.RawMessage `json:"expirationDateTime"`
	ValidationState    string          `json:"validationState"`
	Links              struct {
		IModel link `json:"imodel"`
	} `json:"_links"`
}

func (s *Simulator) listV1(c *call) *response {
	own := s.webhooksOf(c)
	all := make([]summaryV1, 0, len(own))
	for _, w := range own {
		all = append(all, summaryV1{
			ID: s.spellID(w.ID, true), EventSource: "iModels", IsActive: w.Active, IsValidated: w.V1.IsValidated,
			CallbackURL: s.spellURL(w.CallbackURL, true), ExpirationDateTime: s.spellTime(w.V1.ExpirationDateTime),
		})
	}
	return jsonResponse(http.StatusOK, map[string][]summaryV1{"webhooks": all})
}

func (s *Simulator) getV1(c *call) *response {
	w := s.readWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	view := webhookV1{
		ID: s.spellID(w.ID, false), IsActive: w.Active, IsValidated: w.V1.IsValidated,
		CallbackURL:        s.spellURL(w.CallbackURL, false),
		ExpirationDateTime: s.spellTime(w.V1.ExpirationDateTime), ValidationState: w.V1.ValidationState,
	}
	view.Links.IModel.Href = c.baseURL() + "/imodels/" + s.spellID(w.ScopeID, false)
	return jsonResponse(http.StatusOK, map[string]webhookV1{"webhook": view})
}

// createV1 makes a webhook that is turned on as soon as its callback says that it wants events.
func (s *Simulator) createV1(c *call) *response {
	if refused := s.refuseCreate(); refused != nil {
		return refused
	}
	v := s.readBody(c)
	v.only("imodelId", "eventTypes", "callbackUrl", "expirationDateTime", "secret")
	w := &webhook{Webhook: Webhook{
		ClientID:    c.account.ClientID,
		APIVersion:  int(v1),
		Scope:       scopeIModel,
		ScopeID:     v.uuid("imodelId"),
		CallbackURL: v.callbackURL(required),
		EventTypes:  v.eventTypes(required, eventTypePatternV1),
		Secret:      v.secret(),
	}}
	expires := v.expiration(s.clock.now())
	if v.failed() {
		return invalidRequest("Create", v.details)
	}
	if w.Secret == "" {
		w.Secret = randomHex(32)
	}
	w.V1 = &DetailsV1{
		ExpirationDateTime: expires,
		ValidationState:    validationPending,
		Validation:         &Timestamp{s.clock.now().Add(v1Delay)},
	}
	s.addWebhook(w)
	w.V1.ConfirmURL = c.baseURL() + "/webhooks/confirm?" + url.Values{"id": {w.ID}, "key": {randomHex(16)}}.Encode()
	s.planV1(w)
	id := s.spellID(w.ID, false)
	r := jsonResponse(http.StatusCreated, map[string]map[string]string{"webhook": {"id": id, "secret": w.Secret}})
	r.header.Set("Location", c.baseURL()+"/webhooks/"+id)
	return r
}

func (s *Simulator) activateV1(c *call) *response {
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	v := &validator{}
	if len(c.body) > 0 {
		v = s.readBody(c)
	}
	v.only("expirationDateTime")
	expires := v.expiration(s.clock.now())
	if v.failed() {
		return invalidRequest("Activate", v.details)
	}
	if w.Active {
		return invalidChange("Activate", w.ID, "active")
	}
	w.V1.ExpirationDateTime = expires
	return s.changeLater(w, true)
}

func (s *Simulator) deactivateV1(c *call) *response {
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	if !w.Active {
		return invalidChange("Deactivate", w.ID, "deactive")
	}
	return s.changeLater(w, false)
}

func (s *Simulator) changeLater(w *webhook, active bool) *response {
	w.V1.Change = &ChangeV1{Active: active, Due: Timestamp{s.clock.now().Add(v1Delay)}}
	s.recordChange(w, false)
	s.planV1(w)
	return newResponse(http.StatusAccepted)
}

// confirmV1 is for owners whose callback cannot answer the platform's question by itself.
func (s *Simulator) confirmV1(c *call) *response {
	query := c.request.URL.Query()
	c.id = query.Get("id")
	w := s.findWebhook(c)
	if w == nil {
		return errWebhookNotFound.response(http.StatusNotFound)
	}
	if want, err := url.Parse(w.V1.ConfirmURL); err != nil || want.Query().Get("key") != query.Get("key") {
		return invalidRequest("Confirm", []errorDetail{{
			Code: "InvalidKey", Message: "The key is not that of the webhook.", Target: "key",
		}})
	}
	s.validated(w)
	return newResponse(http.StatusOK)
}

// invalidChange refuses to do what is done already.
func invalidChange(operation, id, state string) *response {
	verb := map[string]string{"Activate": "activated", "Deactivate": "deactivated"}[operation]
	return invalidRequest(operation, []errorDetail{{
		Code:    "InvalidChange",
		Message: "Webhook subscription '" + id + "' cannot be " + verb + " because it is already " + state + ".",
		Target:  "IsActive",
	}})
}

// planV1 plans again what happens to a webhook of version 1 by itself.
func (s *Simulator) planV1(w *webhook) {
	s.cancelV1(w)
	plan := func(due time.Time, run func()) {
		w.tasks = append(w.tasks, s.scheduler.at(due, run))
	}
	if w.V1.Validation != nil && !w.asked {
		plan(w.V1.Validation.Time, func() { s.dispatchValidation(w) })
	}
	if w.V1.Change != nil {
		plan(w.V1.Change.Due.Time, func() { s.applyChange(w) })
	}
	plan(w.V1.ExpirationDateTime.Time, func() { s.expire(w) })
}

// cancelV1 forgets what is planned for a webhook; for one of version 2 that is nothing.
func (s *Simulator) cancelV1(w *webhook) {
	for _, t := range w.tasks {
		s.scheduler.cancel(t)
	}
	w.tasks = nil
}

func (s *Simulator) applyChange(w *webhook) {
	defer s.state.later()
	s.mu.Lock()
	defer s.mu.Unlock()
	if change := w.V1.Change; change != nil {
		w.V1.Change = nil
		s.setActive(w, change.Active, "its owner")
	}
}

func (s *Simulator) expire(w *webhook) {
	defer s.state.later()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.clock.now().Before(w.V1.ExpirationDateTime.Time) {
		s.setActive(w, false, "its expiration")
	}
}
