package api

import (
	stderrors "errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	callbackScheme   = "callbackUrl must begin with https://, in lower case"
	callbackChars    = "callbackUrl must hold only the characters of a URL: percent-encode any other, and write an international host name in its xn-- form"
	callbackUser     = "callbackUrl must not have a user name or password before the host"
	callbackHost     = "callbackUrl must have a host after the scheme: a DNS name, an IPv4 address, or an IPv6 address in brackets, as in https://hooks.example.com/itwin"
	callbackPort     = "callbackUrl must have a port from 1 to 65535, or none"
	callbackFragment = "callbackUrl must not have a fragment: remove the # and what follows it"
	eventType        = "eventTypes must each have the form api.action.version, such as iModels.iModelDeleted.v1"
	scopeID          = "scopeId must be the id of an iTwin: a UUID in lower case, such as 5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	webhookID        = "webhookId must be the id of a webhook of the platform: a UUID in lower case, such as e6989b43-53ab-45e2-a610-560c6f7e879e"
	connectionName   = "name must be the name of a connection: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	secretName       = "name must be the name of a Secret: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	secretKey        = "key must be a key of a Secret: letters, digits, '-', '_' and '.', and neither '.' nor beginning with '..'"
	apiScheme        = "apiUrl must begin with https://, in lower case; http:// is accepted only for the loopback hosts localhost, 127.0.0.0/8 and [::1]"
	apiHost          = "apiUrl must have a host after the scheme: a DNS name, an IPv4 address, or an IPv6 address in brackets, as in https://api.bentley.com"
	tokenScheme      = "tokenUrl must begin with https://, in lower case; http:// is accepted only for the loopback hosts localhost, 127.0.0.0/8 and [::1]"
	duration         = "pollInterval must be a duration in hours, minutes and seconds, such as 30s, 1m or 1h30m"
	interval         = "pollInterval must be from 10s to 24h"
	callbackHosts    = "allowedCallbackHosts must each be a DNS name in lower case, such as hooks.example.com, or one after a leading '*.', such as *.example.com: no scheme, port, path, trailing dot or IP address"
)

// refusal is a bad manifest and all that the API server says about it. The whole text is compared, so that a reader is
// told what is wrong once, and nothing beside it.
type refusal struct {
	name  string
	patch string
	want  string
}

// callback is a Webhook with a bad callbackUrl, quoted as in Go and YAML alike.
func callback(name, url string, want ...string) refusal {
	lines := make([]string, len(want))
	for i, message := range want {
		lines[i] = fmt.Sprintf("spec.callbackUrl: Invalid value: %q: %s", url, message)
	}
	slices.Sort(lines)
	return refusal{"callbackUrl " + name, fmt.Sprintf("spec: {callbackUrl: %q}", url), strings.Join(lines, "\n")}
}

var refusedWebhooks = []refusal{
	// What a URL is.
	callback("of http", "http://hooks.example.com", callbackScheme),
	callback("of http on loopback", "http://127.0.0.1:8080/", callbackScheme),
	callback("with an upper case scheme", "HTTPS://hooks.example.com", callbackScheme),
	callback("of another scheme", "ftp://hooks.example.com", callbackScheme),
	callback("without scheme", "hooks.example.com/itwin", callbackScheme),
	callback("relative to a scheme", "//hooks.example.com/itwin", callbackScheme),
	callback("with one slash", "https:/hooks.example.com/itwin", callbackScheme),
	callback("after a space", " https://hooks.example.com", callbackScheme, callbackChars),
	callback("that is empty", "", callbackScheme),
	callback("of a scheme alone", "https://", callbackHost),
	callback("without host", "https:///itwin", callbackHost),
	callback("with a query for a host", "https://?host=hooks.example.com", callbackHost),
	callback("with a port for a host", "https://:443/itwin", callbackHost),
	callback("with an empty label", "https://hooks..example.com/", callbackHost),
	callback("with a label that begins with a hyphen", "https://-hooks.example.com/", callbackHost),
	callback("with an underscore in the host", "https://my_hooks.example.com/", callbackHost),
	callback("with a percent sign in the host", "https://hooks%2eexample.com/", callbackHost),
	callback("with a label of 64 characters", "https://"+strings.Repeat("a", 64)+".example.com/", callbackHost),
	callback("with a host of 300 characters", "https://"+strings.Repeat("abcdefghi.", 30)+"com/", callbackHost),
	callback("with a number for a host", "https://2130706433/", callbackHost),
	callback("with a short IPv4 address", "https://127.1/", callbackHost),
	callback("with a hexadecimal IPv4 address", "https://0x7f.0x0.0x0.0x1/", callbackHost),
	callback("with an octal IPv4 address", "https://0177.0.0.1/", callbackHost),
	callback("with an IPv4 address out of range", "https://256.1.1.1/", callbackHost),
	callback("with an open bracket", "https://[::1", callbackHost),
	callback("with no address in the brackets", "https://[hooks]/", callbackHost),
	callback("with an IPv6 zone", "https://[fe80::1%25eth0]/", callbackHost),
	callback("with an IPv4 address inside IPv6", "https://[::ffff:127.0.0.1]/", callbackHost),
	callback("with text after the bracket", "https://[::1]hooks.example.com/", callbackHost),
	callback("with port 0", "https://hooks.example.com:0/", callbackPort),
	callback("with port 65536", "https://hooks.example.com:65536/", callbackPort),
	callback("with an empty port", "https://hooks.example.com:/", callbackPort),
	callback("with a port that is no number", "https://hooks.example.com:https/", callbackPort),
	callback("with a negative port", "https://hooks.example.com:-1/", callbackPort),
	callback("with two ports", "https://hooks.example.com:1:2/", callbackPort),
	callback("with an empty port after IPv6", "https://[::1]:/", callbackPort),
	callback("with a user", "https://user@hooks.example.com/", callbackUser),
	callback("with a user and a password", "https://user:password@hooks.example.com/", callbackUser),
	callback("with an empty user", "https://@hooks.example.com/", callbackUser),
	callback("with a host before another", "https://good.example.com@bad.example.com/", callbackUser),
	callback("with two at signs", "https://a@b:c@hooks.example.com/", callbackUser),
	callback("with a fragment", "https://hooks.example.com/itwin#part", callbackFragment),
	callback("with an empty fragment", "https://hooks.example.com/#", callbackFragment),
	callback("with a fragment after the host", "https://hooks.example.com#part", callbackFragment),
	callback("with a fragment before an at sign", "https://good.example.com#@bad.example.com/", callbackFragment),
	callback("with a space", "https://hooks.example.com/a b", callbackChars),
	callback("with a line break at the end", "https://hooks.example.com/\n", callbackChars),
	callback("with a tab", "https://hooks.example.com/\tb", callbackChars),
	callback("with a control character", "https://hooks.example.com/\x01", callbackChars),
	callback("with a backslash", `https://hooks.example.com/a\b`, callbackChars),
	callback("with a backslash before an at sign", `https://good.example.com\@bad.example.com/`, callbackChars, callbackUser),
	callback("with a backslash for a slash", `https:\\hooks.example.com`, callbackScheme, callbackChars),
	callback("with a bad percent-encoding", "https://hooks.example.com/%zz", callbackChars),
	callback("with an unfinished percent-encoding", "https://hooks.example.com/?a=%4", callbackChars),
	callback("with letters beyond ASCII in the path", "https://hooks.example.com/über", callbackChars),
	callback("with letters beyond ASCII in the host", "https://höoks.example.com/", callbackChars, callbackHost),
	callback("with a template", "https://{{ .Host }}/", callbackChars, callbackHost),
	{"callbackUrl of 2049 characters", "spec: {callbackUrl: 'https://h/" + strings.Repeat("a", 2039) + "'}",
		"spec.callbackUrl: Too long: may not be more than 2048 bytes"},
	{"callbackUrl missing", "spec: {callbackUrl: null}", "spec.callbackUrl: Required value"},
	{"callbackUrl of another type", "spec: {callbackUrl: 443}",
		`spec.callbackUrl: Invalid value: "integer": spec.callbackUrl in body must be of type string: "integer"`},

	// Whose events.
	{"scope missing", "spec: {scope: null}", "spec.scope: Required value"},
	{"scope in lower case", "spec: {scope: account}", `spec.scope: Unsupported value: "account": supported values: "Account", "iTwin"`},
	{"scopeId missing for iTwin", "spec: {scope: iTwin}",
		"spec.scopeId: Required value: scopeId must be the id of the iTwin when scope is iTwin"},
	{"scopeId empty for iTwin", "spec: {scope: iTwin, scopeId: ''}", `spec.scopeId: Invalid value: "": ` + scopeID},
	{"scopeId for Account", "spec: {scopeId: 5c9d64cf-d22f-4149-ad08-c24ff395c3a0}",
		"spec.scopeId: Forbidden: scopeId must be absent when scope is Account: the platform knows the account"},
	{"scopeId that is a name", "spec: {scope: iTwin, scopeId: my-twin}", `spec.scopeId: Invalid value: "my-twin": ` + scopeID},
	{"scopeId in braces", "spec: {scope: iTwin, scopeId: '{5c9d64cf-d22f-4149-ad08-c24ff395c3a0}'}",
		`spec.scopeId: Invalid value: "{5c9d64cf-d22f-4149-ad08-c24ff395c3a0}": ` + scopeID},
	{"scopeId without hyphens", "spec: {scope: iTwin, scopeId: 5c9d64cfd22f4149ad08c24ff395c3a0}",
		`spec.scopeId: Invalid value: "5c9d64cfd22f4149ad08c24ff395c3a0": ` + scopeID},
	{"scopeId in upper case", "spec: {scope: iTwin, scopeId: 5C9D64CF-D22F-4149-AD08-C24FF395C3A0}",
		`spec.scopeId: Invalid value: "5C9D64CF-D22F-4149-AD08-C24FF395C3A0": ` + scopeID},

	// Which events.
	{"eventTypes missing", "spec: {eventTypes: null}", "spec.eventTypes: Required value"},
	{"eventTypes empty", "spec: {eventTypes: []}", "spec.eventTypes: Invalid value: 0: spec.eventTypes in body should have at least 1 items"},
	{"eventTypes too many", "spec: {eventTypes: [" + strings.Join(numbered("a.b.v%d", 101), ", ") + "]}",
		"spec.eventTypes: Too many: 101: must have at most 100 items"},
	{"eventTypes twice the same", "spec: {eventTypes: [a.b.v1, a.b.v1]}", `spec.eventTypes[1]: Duplicate value: "a.b.v1"`},
	{"eventTypes of version 1 of the platform", "spec: {eventTypes: [iModelDeletedEvent]}",
		`spec.eventTypes[0]: Invalid value: "iModelDeletedEvent": ` + eventType},
	{"eventTypes without version", "spec: {eventTypes: [iModels.iModelDeleted]}",
		`spec.eventTypes[0]: Invalid value: "iModels.iModelDeleted": ` + eventType},
	{"eventTypes with a version that is no number", "spec: {eventTypes: [iModels.iModelDeleted.latest]}",
		`spec.eventTypes[0]: Invalid value: "iModels.iModelDeleted.latest": ` + eventType},
	{"eventTypes with four parts", "spec: {eventTypes: [a.b.v1, a.b.c.v1]}", `spec.eventTypes[1]: Invalid value: "a.b.c.v1": ` + eventType},
	{"eventTypes with a wildcard", "spec: {eventTypes: ['iModels.*.v1']}", `spec.eventTypes[0]: Invalid value: "iModels.*.v1": ` + eventType},
	{"eventTypes with a space", "spec: {eventTypes: ['iModels.iModelDeleted.v1 ']}",
		`spec.eventTypes[0]: Invalid value: "iModels.iModelDeleted.v1 ": ` + eventType},
	{"eventTypes with an empty one", "spec: {eventTypes: ['']}", `spec.eventTypes[0]: Invalid value: "": ` + eventType},
	{"eventTypes with a long one", "spec: {eventTypes: [a.b.v" + strings.Repeat("1", 196) + "]}",
		"spec.eventTypes[0]: Too long: may not be more than 200 bytes"},
	{"eventTypes that is no list", "spec: {eventTypes: iModels.iModelDeleted.v1}",
		`spec.eventTypes: Invalid value: "string": spec.eventTypes in body must be of type array: "string"`},

	// By which connection, with which secret.
	{"connectionRef of another kind", "spec: {connectionRef: {kind: Secret}}",
		`spec.connectionRef.kind: Unsupported value: "Secret": supported values: "Connection", "ClusterConnection"`},
	{"connectionRef in another namespace", "spec: {connectionRef: {name: other/default}}",
		`spec.connectionRef.name: Invalid value: "other/default": ` + connectionName},
	{"connectionRef with a namespace", "spec: {connectionRef: {name: default, namespace: other}}",
		`strict decoding error: unknown field "spec.connectionRef.namespace"`},
	{"connectionRef in upper case", "spec: {connectionRef: {name: Default}}",
		`spec.connectionRef.name: Invalid value: "Default": ` + connectionName},
	{"secretRef without name", "spec: {secretRef: {key: secret}}", "spec.secretRef.name: Required value"},
	{"secretRef with an empty name", "spec: {secretRef: {name: ''}}",
		`spec.secretRef.name: Invalid value: "": ` + secretName},
	{"secretRef with an empty key", "spec: {secretRef: {name: hmac, key: ''}}", `spec.secretRef.key: Invalid value: "": ` + secretKey},
	{"connectionRef with an empty name", "spec: {connectionRef: {name: ''}}",
		`spec.connectionRef.name: Invalid value: "": ` + connectionName},
	{"secretRef in another namespace", "spec: {secretRef: {name: other/hmac}}",
		`spec.secretRef.name: Invalid value: "other/hmac": ` + secretName},
	{"secretRef with a namespace", "spec: {secretRef: {name: hmac, namespace: other}}",
		`strict decoding error: unknown field "spec.secretRef.namespace"`},
	{"secretRef with a path for a key", "spec: {secretRef: {name: hmac, key: ../secret}}",
		`spec.secretRef.key: Invalid value: "../secret": ` + secretKey},
	{"secretRef with a space in the key", "spec: {secretRef: {name: hmac, key: my secret}}",
		`spec.secretRef.key: Invalid value: "my secret": ` + secretKey},
	{"secretRef with two dots for a key", "spec: {secretRef: {name: hmac, key: ..}}",
		`spec.secretRef.key: Invalid value: "..": ` + secretKey},
	{"secret in the manifest", "spec: {secret: top-secret}", `strict decoding error: unknown field "spec.secret"`},
	{"name too long for a generated Secret", "metadata: {name: " + strings.Repeat("a", 239) + "}",
		`metadata: Invalid value: metadata.name must be at most 238 characters unless spec.secretRef is set: the generated Secret is named as the Webhook plus -webhook-secret`},

	// What happens when.
	{"active that is no boolean", "spec: {active: 'yes'}",
		`spec.active: Invalid value: "string": spec.active in body must be of type boolean: "string"`},
	{"suspend that is no boolean", "spec: {suspend: 1}",
		`spec.suspend: Invalid value: "integer": spec.suspend in body must be of type boolean: "integer"`},
	{"reactivationPolicy unknown", "spec: {reactivationPolicy: Never}",
		`spec.reactivationPolicy: Unsupported value: "Never": supported values: "Always", "OnRequest"`},
	{"deletionPolicy unknown", "spec: {deletionPolicy: Orphan}",
		`spec.deletionPolicy: Unsupported value: "Orphan": supported values: "Delete", "Retain"`},
	{"adoptionPolicy unknown", "spec: {adoptionPolicy: Always}",
		`spec.adoptionPolicy: Unsupported value: "Always": supported values: "Never", "Matching"`},
	{"webhookId that is no UUID", "spec: {webhookId: model-events}", `spec.webhookId: Invalid value: "model-events": ` + webhookID},
	{"webhookId with a path", "spec: {webhookId: ../e6989b43-53ab-45e2-a610-560c6f7e879e}",
		`spec.webhookId: Invalid value: "../e6989b43-53ab-45e2-a610-560c6f7e879e": ` + webhookID},
	{"webhookId in upper case", "spec: {webhookId: E6989B43-53AB-45E2-A610-560C6F7E879E}",
		`spec.webhookId: Invalid value: "E6989B43-53AB-45E2-A610-560C6F7E879E": ` + webhookID},
	{"a misspelled field", "spec: {callbackURL: https://hooks.example.com}", `strict decoding error: unknown field "spec.callbackURL"`},
	{"no spec", "spec: null", "spec: Required value"},
	{"many mistakes at once", "spec: {callbackUrl: http://hooks.example.com, scope: iTwin, eventTypes: [all], webhookId: me}",
		"spec.callbackUrl: Invalid value: \"http://hooks.example.com\": " + callbackScheme +
			"\nspec.eventTypes[0]: Invalid value: \"all\": " + eventType +
			"\nspec.scopeId: Required value: scopeId must be the id of the iTwin when scope is iTwin" +
			"\nspec.webhookId: Invalid value: \"me\": " + webhookID},
}

// refusedSpecs hold for a Connection and a ClusterConnection alike.
var refusedSpecs = []refusal{
	{"apiUrl of http", "spec: {apiUrl: http://api.bentley.com}", `spec.apiUrl: Invalid value: "http://api.bentley.com": ` + apiScheme},
	{"apiUrl of http on a private address", "spec: {apiUrl: http://10.0.0.1}", `spec.apiUrl: Invalid value: "http://10.0.0.1": ` + apiScheme},
	{"apiUrl of http on a name that begins as loopback", "spec: {apiUrl: http://127.0.0.1.example.com}",
		`spec.apiUrl: Invalid value: "http://127.0.0.1.example.com": ` + apiScheme},
	{"apiUrl of http on a name that ends as localhost", "spec: {apiUrl: http://evil-localhost}",
		`spec.apiUrl: Invalid value: "http://evil-localhost": ` + apiScheme},
	{"apiUrl of http on a subdomain of localhost", "spec: {apiUrl: http://api.localhost}",
		`spec.apiUrl: Invalid value: "http://api.localhost": ` + apiScheme},
	{"apiUrl of http on another IPv6 address", "spec: {apiUrl: 'http://[::2]'}", `spec.apiUrl: Invalid value: "http://[::2]": ` + apiScheme},
	{"apiUrl of http on loopback for a user", "spec: {apiUrl: 'http://localhost:80@evil.example.com'}",
		`spec.apiUrl: Invalid value: "http://localhost:80@evil.example.com": apiUrl must not have a user name or password before the host`},
	{"apiUrl without scheme", "spec: {apiUrl: api.bentley.com}", `spec.apiUrl: Invalid value: "api.bentley.com": ` + apiScheme},
	{"apiUrl empty", "spec: {apiUrl: ''}", `spec.apiUrl: Invalid value: "": ` + apiScheme},
	{"apiUrl without host", "spec: {apiUrl: 'https:///webhooks'}", `spec.apiUrl: Invalid value: "https:///webhooks": ` + apiHost},
	{"apiUrl with a user", "spec: {apiUrl: 'https://me@api.bentley.com'}",
		`spec.apiUrl: Invalid value: "https://me@api.bentley.com": apiUrl must not have a user name or password before the host`},
	{"apiUrl with a query", "spec: {apiUrl: 'https://api.bentley.com?a=b'}",
		`spec.apiUrl: Invalid value: "https://api.bentley.com?a=b": apiUrl must not have a query or a fragment: remove the ? or # and what follows it`},
	{"apiUrl with a fragment", "spec: {apiUrl: 'https://api.bentley.com#a'}",
		`spec.apiUrl: Invalid value: "https://api.bentley.com#a": apiUrl must not have a query or a fragment: remove the ? or # and what follows it`},
	{"apiUrl with port 0", "spec: {apiUrl: 'https://api.bentley.com:0'}",
		`spec.apiUrl: Invalid value: "https://api.bentley.com:0": apiUrl must have a port from 1 to 65535, or none`},
	{"apiUrl with a space", "spec: {apiUrl: 'https://api.bentley.com/a b'}",
		`spec.apiUrl: Invalid value: "https://api.bentley.com/a b": apiUrl must hold only the characters of a URL: percent-encode any other, and write an international host name in its xn-- form`},
	{"tokenUrl of http", "spec: {tokenUrl: http://ims.bentley.com/connect/token}",
		`spec.tokenUrl: Invalid value: "http://ims.bentley.com/connect/token": ` + tokenScheme},
	{"tokenUrl with a password", "spec: {tokenUrl: 'https://me:secret@ims.bentley.com/connect/token'}",
		`spec.tokenUrl: Invalid value: "https://me:secret@ims.bentley.com/connect/token": tokenUrl must not have a user name or password before the host`},
	{"tokenUrl with a query", "spec: {tokenUrl: 'https://ims.bentley.com/connect/token?a=b'}",
		`spec.tokenUrl: Invalid value: "https://ims.bentley.com/connect/token?a=b": tokenUrl must not have a query or a fragment: remove the ? or # and what follows it`},
	{"tokenUrl without host", "spec: {tokenUrl: 'https://:443/connect/token'}",
		`spec.tokenUrl: Invalid value: "https://:443/connect/token": tokenUrl must have a host after the scheme: a DNS name, an IPv4 address, or an IPv6 address in brackets, as in https://ims.bentley.com/connect/token`},
	{"tokenUrl with a port too high", "spec: {tokenUrl: 'https://ims.bentley.com:70000/connect/token'}",
		`spec.tokenUrl: Invalid value: "https://ims.bentley.com:70000/connect/token": tokenUrl must have a port from 1 to 65535, or none`},
	{"credentialsSecretRef missing", "spec: {credentialsSecretRef: null}", "spec.credentialsSecretRef: Required value"},
	{"credentialsSecretRef without name", "spec: {credentialsSecretRef: {name: null}}", "spec.credentialsSecretRef.name: Required value"},
	{"credentialsSecretRef with a bad name", "spec: {credentialsSecretRef: {name: My_App}}",
		`spec.credentialsSecretRef.name: Invalid value: "My_App": ` + secretName},
	{"credentials in the manifest", "spec: {clientSecret: s3cret}", `strict decoding error: unknown field "spec.clientSecret"`},
	{"oauthScope empty", "spec: {oauthScope: ''}", `spec.oauthScope: Invalid value: "": oauthScope must be one or more scopes separated by one space, such as itwin-platform`},
	{"oauthScope with commas and spaces", "spec: {oauthScope: 'webhooks:read,  webhooks:modify'}",
		`spec.oauthScope: Invalid value: "webhooks:read,  webhooks:modify": oauthScope must be one or more scopes separated by one space, such as itwin-platform`},
	{"oauthScope with a line break", `spec: {oauthScope: "itwin-platform\n"}`,
		`spec.oauthScope: Invalid value: "itwin-platform\n": oauthScope must be one or more scopes separated by one space, such as itwin-platform`},
	{"pollInterval below the floor", "spec: {pollInterval: 9.999s}", `spec.pollInterval: Invalid value: "9.999s": ` + interval},
	{"pollInterval zero", "spec: {pollInterval: 0s}", `spec.pollInterval: Invalid value: "0s": ` + interval},
	{"pollInterval above the ceiling", "spec: {pollInterval: 24h1s}", `spec.pollInterval: Invalid value: "24h1s": ` + interval},
	{"pollInterval negative", "spec: {pollInterval: -1m}", `spec.pollInterval: Invalid value: "-1m": ` + duration},
	{"pollInterval without unit", "spec: {pollInterval: '60'}", `spec.pollInterval: Invalid value: "60": ` + duration},
	{"pollInterval in days", "spec: {pollInterval: 1d}", `spec.pollInterval: Invalid value: "1d": ` + duration},
	{"pollInterval in words", "spec: {pollInterval: 1 minute}", `spec.pollInterval: Invalid value: "1 minute": ` + duration},
	{"pollInterval empty", "spec: {pollInterval: ''}", `spec.pollInterval: Invalid value: "": ` + duration},
	{"pollInterval that overflows", "spec: {pollInterval: 9999999999h}", `spec.pollInterval: Invalid value: "9999999999h": ` + duration},
	{"pollInterval that is a number", "spec: {pollInterval: 60}",
		`spec.pollInterval: Invalid value: "integer": spec.pollInterval in body must be of type string: "integer"`},
	{"rateLimit below the floor", "spec: {rateLimit: {requestsPerMinute: 3}}",
		"spec.rateLimit.requestsPerMinute: Invalid value: 3: spec.rateLimit.requestsPerMinute in body should be greater than or equal to 4"},
	{"rateLimit above the ceiling", "spec: {rateLimit: {requestsPerMinute: 1000001}}",
		"spec.rateLimit.requestsPerMinute: Invalid value: 1000001: spec.rateLimit.requestsPerMinute in body should be less than or equal to 1000000"},
	{"rateLimit of the hour below the floor", "spec: {rateLimit: {requestsPerHour: 0}}",
		"spec.rateLimit.requestsPerHour: Invalid value: 0: spec.rateLimit.requestsPerHour in body should be greater than or equal to 120"},
	{"rateLimit that is no whole number", "spec: {rateLimit: {requestsPerMinute: 7.5}}",
		"<nil>: Invalid value: \"\": Checked value must be of type integer with format int32 in spec.rateLimit.requestsPerMinute\n" +
			`spec.rateLimit.requestsPerMinute: Invalid value: "float64": spec.rateLimit.requestsPerMinute in body must be of type int32: "float64"`},
	{"caBundleSecretRef without name", "spec: {caBundleSecretRef: {key: ca.crt}}", "spec.caBundleSecretRef.name: Required value"},
	{"caBundleSecretRef with a bad name", "spec: {caBundleSecretRef: {name: -ca}}", `spec.caBundleSecretRef.name: Invalid value: "-ca": ` + secretName},
	{"caBundleSecretRef with a bad key", "spec: {caBundleSecretRef: {name: ca, key: a/b}}", `spec.caBundleSecretRef.key: Invalid value: "a/b": ` + secretKey},
	{"no way to skip verification", "spec: {insecureSkipVerify: true}", `strict decoding error: unknown field "spec.insecureSkipVerify"`},
	{"allowedCallbackHosts empty", "spec: {allowedCallbackHosts: []}",
		"spec.allowedCallbackHosts: Invalid value: 0: spec.allowedCallbackHosts in body should have at least 1 items"},
	{"allowedCallbackHosts twice the same", "spec: {allowedCallbackHosts: [a.example.com, a.example.com]}",
		`spec.allowedCallbackHosts[1]: Duplicate value: "a.example.com"`},
	{"allowedCallbackHosts too many", "spec: {allowedCallbackHosts: [" + strings.Join(numbered("h%d.example.com", 101), ", ") + "]}",
		"spec.allowedCallbackHosts: Too many: 101: must have at most 100 items"},
	host("any", "*"), host("any name", "*."), host("a wildcard inside", "hooks.*.example.com"), host("two wildcards", "*.*.example.com"),
	host("part of a label", "hooks*.example.com"), host("a URL", "https://hooks.example.com"), host("a port", "hooks.example.com:443"),
	host("a path", "hooks.example.com/itwin"), host("a trailing dot", "hooks.example.com."), host("a leading dot", ".example.com"),
	host("upper case", "Hooks.example.com"), host("letters beyond ASCII", "höoks.example.com"), host("an IPv4 address", "10.0.0.1"),
	host("an IPv6 address", "[::1]"), host("a user", "user@example.com"), host("nothing", ""), host("a space", "hooks.example.com "),
}

func host(name, pattern string) refusal {
	return refusal{"allowedCallbackHosts with " + name, fmt.Sprintf("spec: {allowedCallbackHosts: [%q]}", pattern),
		fmt.Sprintf("spec.allowedCallbackHosts[0]: Invalid value: %q: %s", pattern, callbackHosts)}
}

var refusedConnections = []refusal{
	{"Secret in another namespace", "spec: {credentialsSecretRef: {namespace: other}}",
		"spec.credentialsSecretRef.namespace: Forbidden: namespace must be absent on a Connection: its Secrets are in its own namespace"},
	{"Secret in the same namespace, named", "spec: {credentialsSecretRef: {namespace: default}}",
		"spec.credentialsSecretRef.namespace: Forbidden: namespace must be absent on a Connection: its Secrets are in its own namespace"},
	{"allowedNamespaces", "spec: {allowedNamespaces: {}}",
		"spec.allowedNamespaces: Forbidden: allowedNamespaces must be absent on a Connection: only a ClusterConnection serves other namespaces"},
}

var refusedClusterConnections = []refusal{
	{"Secret without namespace", "spec: {credentialsSecretRef: {namespace: null}}",
		"spec.credentialsSecretRef.namespace: Required value: namespace must be the namespace of the Secret on a ClusterConnection"},
	{"Secret with an empty namespace", "spec: {credentialsSecretRef: {namespace: ''}}",
		`spec.credentialsSecretRef.namespace: Invalid value: "": namespace must be the name of a namespace: lower case letters, digits and '-', beginning and ending with a letter or digit`},
	{"Secret with a bad namespace", "spec: {credentialsSecretRef: {namespace: a.b}}",
		`spec.credentialsSecretRef.namespace: Invalid value: "a.b": namespace must be the name of a namespace: lower case letters, digits and '-', beginning and ending with a letter or digit`},
	{"allowedNamespaces with an unknown operator", "spec: {allowedNamespaces: {matchExpressions: [{key: team, operator: Equals, values: [a]}]}}",
		`spec.allowedNamespaces.matchExpressions: Invalid value: matchExpressions must each have the operator In, NotIn, Exists or DoesNotExist`},
	{"allowedNamespaces with In and no values", "spec: {allowedNamespaces: {matchExpressions: [{key: team, operator: In}]}}",
		`spec.allowedNamespaces.matchExpressions: Invalid value: matchExpressions must each have values with the operators In and NotIn, and none with Exists and DoesNotExist`},
	{"allowedNamespaces with Exists and values", "spec: {allowedNamespaces: {matchExpressions: [{key: team, operator: Exists, values: [a]}]}}",
		`spec.allowedNamespaces.matchExpressions: Invalid value: matchExpressions must each have values with the operators In and NotIn, and none with Exists and DoesNotExist`},
	{"allowedNamespaces with an empty key", "spec: {allowedNamespaces: {matchExpressions: [{key: '', operator: Exists}]}}",
		`spec.allowedNamespaces.matchExpressions: Invalid value: matchExpressions must each have the key of a label, such as team or example.com/team`},
	{"allowedNamespaces with a long value", "spec: {allowedNamespaces: {matchLabels: {team: " + strings.Repeat("a", 64) + "}}}",
		`spec.allowedNamespaces.matchLabels: Invalid value: matchLabels must map the keys of labels to values of at most 63 characters`},
	{"allowedNamespaces that is a list", "spec: {allowedNamespaces: [default]}",
		`spec.allowedNamespaces: Invalid value: "array": spec.allowedNamespaces in body must be of type object: "array"`},
}

func TestRefusals(t *testing.T) {
	for _, kind := range []struct {
		name, base string
		refusals   []refusal
	}{
		{"Webhook", webhook, refusedWebhooks},
		{"Connection", connection, refusedSpecs},
		{"ClusterConnection", clusterConnection, refusedSpecs},
		{"Connection", connection, refusedConnections},
		{"ClusterConnection", clusterConnection, refusedClusterConnections},
	} {
		for _, refusal := range kind.refusals {
			t.Run(kind.name+"/"+refusal.name, func(t *testing.T) {
				object := merged(t, kind.base, refusal.patch)
				err := k8s.Create(t.Context(), object, client.DryRunAll)
				if err == nil {
					t.Fatalf("accepted:\n%s", refusal.patch)
				}
				if !errors.IsInvalid(err) && !errors.IsBadRequest(err) {
					t.Fatalf("not a refusal of the manifest: %v", err)
				}
				if got := complaint(err); got != refusal.want {
					t.Errorf("the API server says\n\t%s\nwant\n\t%s", got, refusal.want)
				}
			})
		}
	}
}

// complaint is what an error says of the fields, one line for each, in order. It leaves out the API server's hint that
// it checks CEL rules only once the schema is obeyed.
func complaint(err error) string {
	var status errors.APIStatus
	if !stderrors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		_, message, _ := strings.Cut(err.Error(), "strict decoding error: ")
		return "strict decoding error: " + message
	}
	var lines []string
	for _, cause := range status.Status().Details.Causes {
		if !strings.Contains(cause.Message, "some validation rules were not checked") {
			lines = append(lines, cause.Field+": "+cause.Message)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func numbered(format string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return all
}
