package simtest

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// The Event about the secret is not lost with an answer, or with the process that sent it.
func TestAnImportIsSentASecretAnEventTells(t *testing.T) {
	for _, s := range []scenario{
		{name: "import what differs", before: signedActive, act: importSigned(changeSpec), webhooks: 1},
		{name: "edit an import", before: importActive(), act: edit(changeSpec), webhooks: 1},
		{name: "rotate", before: importActive(), act: annotate(itwinv1alpha1.RotateRequestedAtAnnotation), webhooks: 1},
		{name: "correct", before: importActive(), act: changeRemotely, webhooks: 1},
		{name: "reactivate", before: importActive(), act: deactivate, webhooks: 1},
		{name: "secretRef", before: then(keepSecret(firstHMAC), importActive()), act: edit(referring(hmac)), webhooks: 1},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var told []string
			act := s.act
			s.act = func(w *simulation) {
				told = nil
				w.onEvent = func(_ runtime.Object, text string) { told = append(told, text) }
				act(w)
			}
			s.check = func(*simulation) []string {
				if all := strings.Join(told, "\n"); !strings.Contains(all, "SecretReplaced") && !strings.Contains(all, "and sent it") {
					return []string{"no Event tells that the secret was replaced: " + all}
				}
				return nil
			}
			v := newVisits(t, "import, told: "+s.name)
			for _, k := range leaving(v.visit(t, s).traces[0], "") {
				v.visit(t, s, dies(k))
				v.visit(t, s, []disruption{{point: k, what: lose}})
			}
		})
	}
}

// What the operator created has no secret that a receiver could know, also when its successor completes the create.
func TestACreateReplacesNoSecret(t *testing.T) {
	var told []string
	s := scenario{name: "create", before: nothingBefore, webhooks: 1, act: func(w *simulation) {
		told = nil
		w.onEvent = func(_ runtime.Object, text string) { told = append(told, text) }
		add()(w)
	}}
	s.check = func(*simulation) []string {
		if all := strings.Join(told, "\n"); strings.Contains(all, "SecretReplaced") {
			return []string{"an Event tells that a secret was replaced: " + all}
		}
		return nil
	}
	v := newVisits(t, "create, told")
	for _, k := range leaving(v.visit(t, s).traces[0], "") {
		v.visit(t, s, dies(k))
	}
}
