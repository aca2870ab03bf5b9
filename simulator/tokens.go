package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenLifetime is how long a token is valid, in virtual time; the platform says the same.
const tokenLifetime = time.Hour

// maxTokens bounds the tokens that are remembered; the oldest are forgotten first.
const maxTokens = 10_000

// Scopes of tokens: the one of today, and the two that came before it.
const (
	scopePlatform = "itwin-platform"
	scopeRead     = "webhooks:read"
	scopeModify   = "webhooks:modify"
)

// token is an access token. All live equally long, so they expire in the order in which they were issued.
type token struct {
	Value    string    `json:"value"`
	ClientID string    `json:"clientId"`
	Scopes   []string  `json:"scopes"`
	Expires  time.Time `json:"expires"`
}

func (t token) allows(method string) bool {
	if slices.Contains(t.Scopes, scopePlatform) {
		return true
	}
	if method == http.MethodGet {
		return slices.Contains(t.Scopes, scopeRead)
	}
	return slices.Contains(t.Scopes, scopeModify)
}

// account is a Service Application's: it comes into being with the first token of its client id.
type account struct {
	ClientID string
	ID       string // the scopeId of its webhooks of scope Account
	limiter  rateLimiter
}

// issueToken answers the token endpoint (RFC 6749, section 4.4).
func (s *Simulator) issueToken(c *call) *response {
	form, refused := tokenForm(c)
	if refused != nil {
		return refused
	}
	clientID, refused := tokenClient(c, form)
	if refused != nil {
		return refused
	}
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = []string{scopePlatform}
	}
	for _, scope := range scopes {
		if scope != scopePlatform && scope != scopeRead && scope != scopeModify {
			return tokenError(http.StatusBadRequest, "invalid_scope")
		}
	}
	t := token{Value: randomHex(32), ClientID: clientID, Scopes: scopes, Expires: s.clock.now().Add(tokenLifetime)}
	s.accountOf(clientID)
	s.addToken(t)
	r := jsonResponse(http.StatusOK, map[string]any{
		"access_token": t.Value,
		"expires_in":   int(tokenLifetime / time.Second),
		"token_type":   "Bearer",
		"scope":        strings.Join(scopes, " "),
	})
	r.header.Set("Cache-Control", "no-store")
	return r
}

func tokenForm(c *call) (url.Values, *response) {
	media, _, _ := strings.Cut(c.request.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(strings.ToLower(media)) != "application/x-www-form-urlencoded" {
		return nil, tokenError(http.StatusBadRequest, "invalid_request")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, tokenError(http.StatusBadRequest, "invalid_request")
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return form, nil
	case "":
		return nil, tokenError(http.StatusBadRequest, "invalid_request")
	}
	return nil, tokenError(http.StatusBadRequest, "unsupported_grant_type")
}

// tokenClient is the client id of a request with complete credentials, in the form or as HTTP Basic.
func tokenClient(c *call, form url.Values) (string, *response) {
	id, secret, basic := c.request.BasicAuth()
	if !basic {
		if id, secret = form.Get("client_id"), form.Get("client_secret"); id == "" || secret == "" {
			return "", tokenError(http.StatusBadRequest, "invalid_client")
		}
		return id, nil
	}
	// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
	id, err := url.QueryUnescape(id)
	if err != nil || id == "" || secret == "" {
		r := tokenError(http.StatusUnauthorized, "invalid_client")
		r.header.Set("WWW-Authenticate", `Basic realm="itwin-simulator"`)
		return "", r
	}
	return id, nil
}

// tokenError is a refusal of the token endpoint (RFC 6749, section 5.2).
func tokenError(status int, code string) *response {
	r := jsonResponse(status, map[string]string{"error": code})
	r.header.Set("Cache-Control", "no-store")
	return r
}

func tokenErrorForStatus(status int) *response {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return tokenError(status, "invalid_client")
	}
	return htmlResponse(status)
}

// authenticate finds the account of a call, or the refusal.
func (s *Simulator) authenticate(c *call) *response {
	if c.request.Header.Get("Authorization") == "" {
		return errHeaderNotFound.response(http.StatusUnauthorized)
	}
	value, err := c.bearerToken()
	if err != nil {
		return errInvalidToken.response(http.StatusUnauthorized)
	}
	t, found := s.tokens[value]
	if !found || s.expired(value) {
		return errInvalidToken.response(http.StatusUnauthorized)
	}
	if !t.allows(c.request.Method) {
		return errInsufficientScope.response(http.StatusUnauthorized)
	}
	c.account = s.accountOf(t.ClientID)
	return nil
}

// clientOf is the client id that a call belongs to, as far as it can be told before the call is authenticated.
func (s *Simulator) clientOf(c *call) string {
	if c.template == tokenPath {
		if id, _, basic := c.request.BasicAuth(); basic {
			return id
		}
		form, _ := url.ParseQuery(string(c.body))
		return form.Get("client_id")
	}
	value, err := c.bearerToken()
	if err != nil {
		return ""
	}
	return s.tokens[value].ClientID
}

// addToken remembers a token and forgets those that have expired, or are too many.
func (s *Simulator) addToken(t token) {
	s.tokens[t.Value] = t
	s.tokenOrder = append(s.tokenOrder, t.Value)
	for len(s.tokenOrder) > maxTokens || len(s.tokenOrder) > 0 && s.expired(s.tokenOrder[0]) {
		delete(s.tokens, s.tokenOrder[0])
		s.tokenOrder = s.tokenOrder[1:]
	}
}

func (s *Simulator) expired(token string) bool {
	return !s.clock.now().Before(s.tokens[token].Expires)
}

// accountOf returns the account of a client id, which is opened at the first call.
func (s *Simulator) accountOf(clientID string) *account {
	a, found := s.accounts[clientID]
	if !found {
		a = &account{
			ClientID: clientID,
			ID:       derivedUUID(clientID),
			limiter:  newRateLimiter(s.options.RequestsPerMinute, s.options.RequestsPerHour),
		}
		s.accounts[clientID] = a
		s.note("account opened", "clientId", clientID, "accountId", a.ID)
	}
	return a
}
