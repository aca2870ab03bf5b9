package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestCallbackThatReadsAsMarkedIsRefused: no spec may carry what the operator reads as the mark of a create, which names
// the owner of a remote webhook. The operator decodes the names of parameters and compares them without regard to case,
// as Unicode has it: each character is spelled in every way that is read as it.
func TestCallbackThatReadsAsMarkedIsRefused(t *testing.T) {
	const name = "itwin-webhook"
	read := 0
	for i := range name {
		for _, spelling := range spellings(name[i : i+1]) {
			callback := "https://h.example.com/?a=1&" + name[:i] + spelling + name[i+1:] + "=x"
			decoded, err := url.QueryUnescape(name[:i] + spelling + name[i+1:])
			if err != nil || !strings.EqualFold(decoded, name) {
				t.Errorf("%s is not read as marked: the spelling proves nothing", callback)
			}
			read++
			object := manifest(t, webhook, specOf("callbackUrl", callback))
			if err := k8s.Create(t.Context(), object, client.DryRunAll); !apierrors.IsInvalid(err) {
				t.Errorf("the API server does not refuse %s: %v", callback, err)
			}
		}
	}
	if read < 4*len(name) {
		t.Errorf("only %d spellings were tried", read)
	}
}

// spellings lists how a URL can write a character, or another one that differs from it only in case, as Unicode has it.
func spellings(char string) (all []string) {
	for r := rune(1); r <= 0xFFFF; r++ {
		if other := string(r); strings.EqualFold(other, char) {
			encoded := ""
			for _, b := range []byte(other) {
				encoded += fmt.Sprintf("%%%02x", b)
			}
			all = append(all, encoded, strings.ToUpper(encoded))
			if len(other) == 1 {
				all = append(all, other)
			}
		}
	}
	return all
}
