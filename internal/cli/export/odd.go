package export

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// What the API server accepts, as the rules of the CRD say.
const (
	uuidPattern       = `^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`
	eventPattern      = `^[A-Za-z][A-Za-z0-9]*\.[A-Za-z][A-Za-z0-9]*\.v[0-9]+$`
	charactersPattern = `^([-A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2})*$`
	userPattern       = `^[^/?#]*//[^/?#]*@`
	hostPattern       = `^https://([^/?#]*@)?(([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]` +
		`([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.?|((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}` +
		`(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|\[[0-9A-Fa-f:.]+\])(:[^/?#]*)?([/?#]|$)`
	longHostPattern = `^https://[^/?#]{260,}`
	withPortPattern = `^https://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):[^/?#@]*([/?#]|$)`
	portPattern     = `^https://([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[@]*):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|` +
		`65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([/?#]|$)`
	// ownerPattern finds the parameter with which the operator marks what it creates, however it is encoded.
	ownerPattern = `(?i)([?&;]|%3f|%26|%3b)(i|%[46]9)(t|%[57]4)(w|%[57]7)(i|%[46]9)(n|%[46]e)(-|%2d)(w|%[57]7)(e|%[46]5)` +
		`(b|%[46]2)(h|%[46]8)(o|%[46]f)(o|%[46]f)(k|%[46]b|%e2%84%aa)([=&;#]|%3d|%26|%3b|%23|$)`

	mostEventTypes, longestEventType, longestCallback = 100, 200, 2048
)

var (
	uuid       = regexp.MustCompile(uuidPattern)
	event      = regexp.MustCompile(eventPattern)
	characters = regexp.MustCompile(charactersPattern)
	user       = regexp.MustCompile(userPattern)
	host       = regexp.MustCompile(hostPattern)
	longHost   = regexp.MustCompile(longHostPattern)
	withPort   = regexp.MustCompile(withPortPattern)
	port       = regexp.MustCompile(portPattern)
	owner      = regexp.MustCompile(ownerPattern)
	bracketed  = regexp.MustCompile(`\[[^\]]*`)
)

// oddities are why no Webhook can be like a remote webhook.
func oddities(w platform.Webhook) (why []string) {
	add := func(odd bool, format string, args ...any) {
		if odd {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	add(!uuid.MatchString(w.ID), "its id is not a UUID")
	scope := scopeOf(w.Scope)
	add(scope == "", "its scope %q is none that a Webhook can have", platform.Clean(w.Scope))
	add(scope == itwinv1alpha1.ITwinScope && !uuid.MatchString(w.ScopeID), "its scopeId %q is not the id of an iTwin",
		platform.Clean(w.ScopeID))
	if w.Mark != "" {
		add(true, "the create of an operator left it behind: delete it on the platform if no operator works there any more")
	} else if problem := callbackProblem(w.CallbackURL); problem != "" {
		add(true, "its callbackUrl %s", problem)
	}
	types := eventTypesOf(w)
	add(len(types) == 0, "it has no event types")
	add(len(types) > mostEventTypes, "it has %d event types; a Webhook has at most %d", len(types), mostEventTypes)
	for _, name := range types {
		if !event.MatchString(name) || len(name) > longestEventType {
			add(true, "its event type %q has not the form api.action.version", platform.Clean(name))
			break
		}
	}
	return why
}

// callbackProblem is why a Webhook cannot have a callback; "" when it can.
func callbackProblem(callback string) string {
	address := bracketed.FindString(callback)
	ip, err := netip.ParseAddr(strings.TrimPrefix(address, "["))
	noIP := err != nil || ip.Is4In6() // which the API server takes for none
	inBrackets := strings.HasPrefix(callback, "https://[")
	switch {
	case !strings.HasPrefix(callback, "https://"):
		return "does not begin with https://"
	case len(callback) > longestCallback:
		return fmt.Sprintf("has more than %d characters", longestCallback)
	case !characters.MatchString(callback):
		return "has characters that a URL must percent-encode"
	case user.MatchString(callback):
		return "has a user name or password"
	case !host.MatchString(callback) || longHost.MatchString(callback) || inBrackets && noIP:
		return "has no usable host"
	case withPort.MatchString(callback) && !port.MatchString(callback):
		return "has no usable port"
	case strings.Contains(callback, "#"):
		return "has a fragment"
	case owner.MatchString(callback):
		return "has the parameter " + platform.OwnerParameter + ", which the operator uses itself"
	}
	return ""
}

// scopeOf is how a Webhook spells a scope; "" when it cannot have it.
func scopeOf(scope string) itwinv1alpha1.Scope {
	for _, known := range []itwinv1alpha1.Scope{itwinv1alpha1.AccountScope, itwinv1alpha1.ITwinScope} {
		if strings.EqualFold(scope, string(known)) {
			return known
		}
	}
	return ""
}

// eventTypesOf are the event types without repetitions, in the order of the platform.
func eventTypesOf(w platform.Webhook) (types []string) {
	for _, name := range w.EventTypes {
		if !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	return types
}
