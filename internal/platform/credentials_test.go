package platform_test

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

// TestEveryCredentialIsSentAndRedacted: all fields of Credentials but the client's id are secrets, which the token
// server gets and no error quotes.
func TestEveryCredentialIsSentAndRedacted(t *testing.T) {
	fields := reflect.TypeFor[platform.Credentials]()
	for i := range fields.NumField() {
		name, value := fields.Field(i).Name, fmt.Sprintf("MARKED-credential-%d-7d1f4eb25d308ef2", i)
		with := func(o *platform.Options) { reflect.ValueOf(&o.Credentials).Elem().Field(i).SetString(value) }
		for place, answer := range map[string]http.HandlerFunc{
			"the token server": asJSON(answering(401, `{"error":"invalid_client","error_description":"not `+value+`"}`)),
			"the platform":     withTokens(answering(422, `{"error":{"code":"X","message":"not `+value+`"}}`)),
			"a proxy":          withTokens(answering(502, "not "+value)),
		} {
			t.Run(name+" quoted by "+place, func(t *testing.T) {
				s := newHandledScene(t, answer, with)
				err := operations["create"](s, "")
				s.Expect(err).To(HaveOccurred())
				if name != "ClientID" {
					s.expectNoSecret(err)
				}
				_, asked := s.wire.take()
				s.Expect(asked).NotTo(BeEmpty())
				s.Expect(fmt.Sprint(asked[0].header, asked[0].form())).To(ContainSubstring(value), "the token server gets it")
			})
		}
	}
}

func asJSON(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}
}
