package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// apiVersion is a version of the Webhooks API, chosen by the Accept header.
type apiVersion int

const (
	v1 apiVersion = 1
	v2 apiVersion = 2
)

const (
	tokenPath = "/connect/token"
	tokenKey  = http.MethodPost + " " + tokenPath
)

// handler answers a call of an authenticated account, with the simulator locked.
type handler func(*Simulator, *call) *response

// operation is one method of one route of the platform.
type operation struct {
	method, template string
	v1, v2           handler // nil: not in that version
}

// operations is the whole surface of the platform, besides which there is only the simulator's own under /simulator/.
var operations = []operation{
	{method: http.MethodPost, template: tokenPath},
	{method: http.MethodGet, template: "/webhooks", v1: (*Simulator).listV1, v2: (*Simulator).listV2},
	{method: http.MethodPost, template: "/webhooks", v2: (*Simulator).createV2},
	{method: http.MethodPost, template: "/webhooks/imodels", v1: (*Simulator).createV1},
	{method: http.MethodGet, template: "/webhooks/confirm", v1: (*Simulator).confirmV1},
	{method: http.MethodGet, template: "/webhooks/{id}", v1: (*Simulator).getV1, v2: (*Simulator).getV2},
	{method: http.MethodPatch, template: "/webhooks/{id}", v2: (*Simulator).updateV2},
	{
		method: http.MethodDelete, template: "/webhooks/{id}",
		v1: (*Simulator).deleteWebhook, v2: (*Simulator).deleteWebhook,
	},
	{method: http.MethodPost, template: "/webhooks/{id}/activate", v1: (*Simulator).activateV1},
	{method: http.MethodPost, template: "/webhooks/{id}/deactivate", v1: (*Simulator).deactivateV1},
}

func (o operation) key() string { return o.method + " " + o.template }

func (o operation) handler(version apiVersion) handler {
	if version == v1 {
		return o.v1
	}
	return o.v2
}

func findOperation(method, template string) (operation, bool) {
	i := slices.IndexFunc(operations, func(o operation) bool { return o.method == method && o.template == template })
	if i < 0 {
		return operation{}, false
	}
	return operations[i], true
}

// existsIn reports whether a version has any operation on a route.
func existsIn(version apiVersion, template string) bool {
	return allowedMethods(template, version) != ""
}

func onlyInV1(template string) bool {
	return existsIn(v1, template) && !existsIn(v2, template)
}

// allowedMethods is the Allow header of a route in a version. The token endpoint belongs to neither.
func allowedMethods(template string, version apiVersion) string {
	var methods []string
	for _, o := range operations {
		if o.template == template && (o.handler(version) != nil || template == tokenPath) {
			methods = append(methods, o.method)
		}
	}
	return strings.Join(methods, ", ")
}
