package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strings"

	"k8s.io/utils/clock"
)

type Pace struct{ c clock.PassiveClock }
type Share struct{}

func NewPace(c clock.PassiveClock) *Pace                { return &Pace{c} }
func (p *Pace) Join(member string, l Limits) *Share     { return &Share{} }
func (p *Pace) Leave(member string)                     {}
func (c *Client) Login(ctx context.Context) error       { _, err := c.tokens.get(ctx, nil); if err != nil { return err }; return nil }
func (c *Client) Pace(s *Share)                         {}
func CanonicalID(id string) string                      { return strings.ToLower(id) }
func SameID(a, b string) bool                           { return strings.EqualFold(a, b) }

type HostError struct{ Host string; Reason error }

func (e *HostError) Error() string { return e.Reason.Error() }

const OwnerParameter = "itwin-webhook"

func Mark(callbackURL, owner string) string {
	sep := "?"
	if strings.Contains(callbackURL, "?") {
		sep = "&"
	}
	return callbackURL + sep + OwnerParameter + "=" + owner
}
func MarkOf(callbackURL string) string {
	u, err := url.Parse(callbackURL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Query().Get(OwnerParameter))
}
func IsConnectionTrouble(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	_, tlsErr := errors.AsType[*tls.CertificateVerificationError](err)
	return e.login || e.Status == 401 || tlsErr
}
