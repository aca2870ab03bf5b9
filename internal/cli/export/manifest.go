package export

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

// manifest is a Webhook as it is written, in this order.
type manifest struct {
	APIVersion string   `json:"apiVersion" yaml:"apiVersion"`
	Kind       string   `json:"kind"       yaml:"kind"`
	Metadata   metadata `json:"metadata"   yaml:"metadata"`
	Spec       spec     `json:"spec"       yaml:"spec"`
}

type metadata struct {
	Namespace string `json:"namespace" yaml:"namespace"`
	Name      string `json:"name"      yaml:"name"`
}

type spec struct {
	ConnectionRef *reference `json:"connectionRef,omitempty" yaml:"connectionRef,omitempty"`
	WebhookID     string     `json:"webhookId"               yaml:"webhookId"`
	CallbackURL   string     `json:"callbackUrl"             yaml:"callbackUrl"`
	Scope         string     `json:"scope"                   yaml:"scope"`
	ScopeID       string     `json:"scopeId,omitempty"       yaml:"scopeId,omitempty"`
	EventTypes    []string   `json:"eventTypes"              yaml:"eventTypes"`
	Active        bool       `json:"active"                  yaml:"active"`
	SecretRef     *secretRef `json:"secretRef,omitempty"     yaml:"secretRef,omitempty"`
	Reactivation  string     `json:"reactivationPolicy,omitempty" yaml:"reactivationPolicy,omitempty"`
	Deletion      string     `json:"deletionPolicy"          yaml:"deletionPolicy"`
	Suspend       bool       `json:"suspend"                 yaml:"suspend"`
}

type reference struct {
	Kind string `json:"kind" yaml:"kind"`
	Name string `json:"name" yaml:"name"`
}

type secretRef struct {
	Name string `json:"name" yaml:"name"`
	Key  string `json:"key"  yaml:"key"`
}

// manifestOf is the Webhook that imports a remote webhook and differs from it in nothing.
func manifestOf(w platform.Webhook, in place, keepSecret bool) manifest {
	m := manifest{
		APIVersion: itwinv1alpha1.GroupVersion.String(), Kind: "Webhook",
		Metadata: metadata{Namespace: in.namespace, Name: nameOf(w)},
		Spec: spec{
			ConnectionRef: in.reference(), WebhookID: w.ID, CallbackURL: w.CallbackURL, Scope: string(scopeOf(w.Scope)),
			EventTypes: eventTypesOf(w), Active: w.Active, Deletion: string(itwinv1alpha1.RetainRemote), Suspend: true,
		},
	}
	if m.Spec.Scope == string(itwinv1alpha1.ITwinScope) {
		m.Spec.ScopeID = w.ScopeID
	}
	if keepSecret {
		m.Spec.SecretRef = &secretRef{Name: m.Metadata.Name + "-hmac", Key: itwinv1alpha1.DefaultSecretKey}
	} else {
		// A reactivation would send a secret that the receivers do not have, at a time that no person chose.
		m.Spec.Reactivation = string(itwinv1alpha1.ReactivateOnRequest)
	}
	return m
}

// document writes a manifest in YAML, with comments for those who review it.
func document(m manifest, w platform.Webhook) ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(m); err != nil {
		return nil, err
	}
	root.HeadComment = headline(w)
	fields := value(&root, "spec")
	comment(fields, "callbackUrl", tokenComment(w.CallbackURL))
	comment(fields, "active", activeComment(w))
	comment(fields, "secretRef", secretRefComment(m))
	comment(fields, "reactivationPolicy", reactivationComment(m))
	comment(fields, "suspend", suspendComment(m))
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// value is that of a key of a mapping.
func value(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// comment puts a comment before a key, if the mapping has it.
func comment(mapping *yaml.Node, key, text string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key && text != "" {
			mapping.Content[i].HeadComment = text
		}
	}
}

// headline describes a remote webhook for those who review its manifest.
func headline(w platform.Webhook) string {
	state := "on"
	if !w.Active {
		state = "off"
	}
	text := fmt.Sprintf("Remote webhook %s, which is %s", platform.Clean(w.ID), state)
	if !w.Created.IsZero() {
		text += ", created " + w.Created.UTC().Format(time.DateOnly)
	}
	return text + "."
}

func activeComment(w platform.Webhook) string {
	if w.Active {
		return ""
	}
	return "It is off on the platform and stays off. Set true to have it turned on."
}

func secretRefComment(m manifest) string {
	if m.Spec.SecretRef == nil {
		return ""
	}
	return "Fill this Secret with the signing secret that the receivers have, without a newline at its end:\n" +
		fmt.Sprintf("kubectl create secret generic %s -n %s --from-file=%s=FILE", m.Spec.SecretRef.Name,
			m.Metadata.Namespace, m.Spec.SecretRef.Key)
}

func reactivationComment(m manifest) string {
	if m.Spec.SecretRef != nil {
		return ""
	}
	return "A reactivation, too, replaces the signing secret that the receivers have, so it waits for your request.\n" +
		"A secretRef (export --keep-secret) avoids that: then Always is safe."
}

func suspendComment(m manifest) string {
	text := "While suspend is true nothing is sent to the platform."
	if m.Spec.SecretRef == nil {
		text += " After that, too, the webhook keeps the signing\n" +
			"secret that its receivers have, until the first change, a reactivation, a rotation or a secretRef: then they\n" +
			"need the one that is sent."
	}
	return text
}

// oneLine replaces what ends a line, and so a comment, in YAML beside LF: an entry of the list may have it.
var oneLine = strings.NewReplacer("\r", " ", "\u0085", " ", "\u2028", " ", "\u2029", " ")

// commentedOut is what is left of a manifest that no API server would accept.
func commentedOut(m manifest, w platform.Webhook, why []string) string {
	text := headline(w) + " It is not exported: " + strings.Join(why, "; ") + ".\n"
	shown := m
	// Cut here, too: what is no URL, because of a space or control character in it, may have a query all the same.
	callback, _, cut := strings.Cut(platform.Clean(m.Spec.CallbackURL), "?")
	if cut {
		callback += "?…"
	}
	shown.Spec.CallbackURL = platform.WithoutQueries(callback)
	if data, err := yaml.Marshal(shown); err == nil {
		text += string(data)
	}
	var b strings.Builder
	for line := range strings.Lines(oneLine.Replace(text)) {
		b.WriteString("# " + line)
	}
	return b.String()
}
