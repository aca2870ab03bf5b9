package simulator

import (
	"net/http"
)

// Names of the variants that play a fault without being told for how many calls.
const (
	variantAnswers          = "answers"
	variantWrites           = "writes"
	variantWritesAtFirst    = "writes-at-first"
	variantListsEveryOther  = "lists-every-other"
	variantReadsEveryOther  = "reads-every-other"
	variantTokens           = "tokens"
	variantTokensEveryOther = "tokens-every-other" //nolint:gosec // a name
	variantPages            = "lists-in-pages"
)

// faultVariants are the variants whose value is the action of a fault.
var faultVariants = []variant{
	{name: variantAnswers, plays: isAPI, description: "every call of the API is answered as [the fault](#faults) " +
		"of that action has it"},
	{name: variantWrites, plays: isWrite, description: "every create, update and delete is"},
	{name: variantWritesAtFirst, plays: isWrite, once: true, description: "of equal creates, updates and deletes " +
		"the first is"},
	{name: variantListsEveryOther, plays: isList, alternates: true, description: "the first list and every other " +
		"one after it are"},
	{name: variantReadsEveryOther, plays: isRead, alternates: true, description: "the same for reads of one webhook"},
	{name: variantTokens, plays: isToken, description: "every request for a token is answered as the fault has it"},
	{name: variantTokensEveryOther, plays: isToken, alternates: true, description: "the first request for a token " +
		"and every other one after it are"},
}

func isToken(c *call) bool { return c.template == tokenPath }

func isAPI(c *call) bool { return c.template != "" && !isToken(c) }

func isList(c *call) bool { return c.key() == http.MethodGet+" /webhooks" }

func isRead(c *call) bool { return c.key() == http.MethodGet+" /webhooks/{id}" }

func isWrite(c *call) bool { return isAPI(c) && c.request.Method != http.MethodGet }

// variantFault is the fault that a variant plays with a call; nil when there is none.
func (s *Simulator) variantFault(c *call) *fault {
	for _, v := range faultVariants {
		active := s.variants[v.name]
		if active == nil || !v.plays(c) {
			continue
		}
		active.calls++
		call := c.key() + " " + c.id + " " + string(c.body)
		switch {
		case v.once && active.played[call], v.alternates && active.calls%2 == 0:
			continue
		case v.once:
			if active.played == nil {
				active.played = map[string]bool{}
			}
			active.played[call] = true
		}
		return active.fault
	}
	return nil
}
