package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// namesOn lists the variants that are on, as "name" or "name=value".
func namesOn(p *simulator.Simulator) []string {
	on := []string{}
	for _, v := range p.Variants() {
		switch {
		case v.On && v.Value != "":
			on = append(on, v.Name+"="+v.Value)
		case v.On:
			on = append(on, v.Name)
		}
	}
	return on
}

func TestEveryVariantIsTested(t *testing.T) {
	tested := []string{"hidden", "hidden-creates-refused"} // TestHiddenWebhooks
	for _, tc := range slices.Concat(spellingVariants, timeVariants, writeVariants, rateVariants, faultVariants) {
		name, _, _ := strings.Cut(tc.spec, "=")
		tested = append(tested, name)
	}
	platform, _ := newSimulator(t, simulator.Options{})
	for _, v := range platform.Variants() {
		NewWithT(t).Expect(tested).To(ContainElement(v.Name))
	}
}

func TestHiddenWebhooks(t *testing.T) {
	for name, wantCreate := range map[string]int{"hidden": 201, "hidden-creates-refused": 403} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})
			old := c.create(callbackURL)
			before := c.do(http.MethodGet, "/webhooks", "").body
			g.Expect(platform.SetVariant(name)).To(Succeed())

			for method, body := range map[string]string{"GET": "", "PATCH": `{"active":true}`, "DELETE": ""} {
				a := c.do(method, "/webhooks/"+old, body)
				g.Expect(a.status).To(Equal(http.StatusNotFound), method)
				g.Expect(a.errorCode(t)).To(Equal("WebhookNotFound"), method)
			}
			g.Expect(c.listed("id")).To(BeEmpty())
			create := c.do(http.MethodPost, "/webhooks", createBody(callbackURL))
			g.Expect(create.status).To(Equal(wantCreate))
			if wantCreate == http.StatusForbidden {
				g.Expect(create.errorCode(t)).To(Equal("InsufficientPermissions"))
			} else {
				id := property(c, create, "id")
				g.Expect(c.listed("id")).To(Equal([]any{id}))
				g.Expect(c.do(http.MethodDelete, "/webhooks/"+id.(string), "").status).To(Equal(http.StatusNoContent))
			}

			g.Expect(platform.ClearVariant(name)).To(Succeed())
			g.Expect(c.do(http.MethodGet, "/webhooks", "").body).To(Equal(before), "all is back")
		})
	}
}

func TestVariantEndpoints(t *testing.T) {
	g := NewWithT(t)
	platform, c := newSimulator(t, simulator.Options{})

	g.Expect(c.do("PUT", "/simulator/variants/lists-lag", `{"value":"5s"}`).status).To(Equal(http.StatusNoContent))
	g.Expect(c.do("PUT", "/simulator/variants/times-null", "").status).To(Equal(http.StatusNoContent))
	g.Expect(c.do("PUT", "/simulator/variants/lists-lag", `{"value":"7s"}`).status).To(Equal(http.StatusNoContent))
	g.Expect(namesOn(platform)).To(Equal([]string{"lists-lag=7s", "times-null"}))
	list := c.do("GET", "/simulator/variants", "")
	g.Expect(list.body).To(ContainSubstring(`{"name":"lists-lag","syntax":"lists-lag=DURATION","description":` +
		`"lists show the state of that long ago","on":true,"value":"7s"}`))
	g.Expect(list.body).To(ContainSubstring(`{"name":"creates-active","syntax":"creates-active",`), "off, but listed")

	g.Expect(c.do("DELETE", "/simulator/variants/lists-lag", "").status).To(Equal(http.StatusNoContent))
	g.Expect(c.do("DELETE", "/simulator/variants/lists-lag", "").status).To(Equal(http.StatusNoContent), "again")
	g.Expect(namesOn(platform)).To(Equal([]string{"times-null"}))
	g.Expect(c.do("DELETE", "/simulator/variants", "").status).To(Equal(http.StatusNoContent))
	g.Expect(namesOn(platform)).To(BeEmpty())
}

func TestBadVariants(t *testing.T) {
	tests := map[string]struct{ name, value, want string }{
		"unknown":                       {name: "ids-lower", want: `unknown variant "ids-lower"; known variants: ids-up`},
		"empty":                         {want: `unknown variant ""`},
		"a value where none is taken":   {name: "hidden", value: "5s", want: `variant hidden takes no value, got "5s"`},
		"no value where one is needed":  {name: "lists-lag", want: `must be a positive duration, for example "5s", got ""`},
		"a lag without a unit":          {name: "lists-lag", value: "5", want: "must be a positive duration"},
		"a lag into the future":         {name: "reads-lag", value: "-5s", want: "must be a positive duration"},
		"a skew of nothing":             {name: "date-skew", value: "0s", want: "must be a duration other than zero"},
		"a skew of more than 100 years": {name: "date-skew", value: "-2000000h", want: "must be a duration other than zero"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{})
			spec := tc.name
			if tc.value != "" {
				spec += "=" + tc.value
			}

			g.Expect(platform.SetVariant(spec)).To(MatchError(ContainSubstring(tc.want)))
			_, err := simulator.New(simulator.Options{Variants: []string{spec}})
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
			if tc.name != "" {
				a := c.do("PUT", "/simulator/variants/"+tc.name, `{"value":"`+tc.value+`"}`)
				g.Expect(a.status).To(Equal(http.StatusBadRequest))
				g.Expect(a.errorCode(t)).To(Equal("InvalidRequest"))
			}
			g.Expect(namesOn(platform)).To(BeEmpty())
		})
	}
	platform, c := newSimulator(t, simulator.Options{})
	NewWithT(t).Expect(platform.ClearVariant("ids-lower")).To(MatchError(ContainSubstring("unknown variant")))
	NewWithT(t).Expect(c.do("DELETE", "/simulator/variants/ids-lower", "").status).To(Equal(http.StatusBadRequest))
	NewWithT(t).Expect(c.do("PUT", "/simulator/variants/hidden", `{"on":true}`).status).To(Equal(http.StatusBadRequest))
}

func TestVariantsOfTheOptions(t *testing.T) {
	g := NewWithT(t)
	platform, _ := newSimulator(t, simulator.Options{Variants: []string{"hidden", "lists-lag=5s"}})
	g.Expect(namesOn(platform)).To(Equal([]string{"lists-lag=5s", "hidden"}))

	platform.ClearVariants()
	g.Expect(namesOn(platform)).To(BeEmpty(), "those of the options as well")
	g.Expect(platform.SetVariant("creates-active")).To(Succeed())
	platform.Reset()
	g.Expect(namesOn(platform)).To(Equal([]string{"lists-lag=5s", "hidden"}), "a reset brings back exactly those")
}

func TestVariantsAfterARestartBeginWithTheSavedWebhooks(t *testing.T) {
	g := NewWithT(t)
	options := simulator.Options{
		Start: start, StatePath: filepath.Join(t.TempDir(), "state.json"), Variants: []string{"lists-lag=1h"},
	}
	c, restart := stateful(t, options)
	id := c.create(callbackURL)
	g.Expect(c.listed("id")).To(BeEmpty())

	restart()

	g.Expect(c.listed("id")).To(Equal([]any{id}))
}

// The lists of a lag of 5 seconds are those of 5 seconds ago, in virtual time and without anything that waits.
func TestListsLagInsideASynctestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		platform, err := simulator.New(simulator.Options{Variants: []string{"lists-lag=5s"}})
		g.Expect(err).NotTo(HaveOccurred())
		defer func() { g.Expect(platform.Close()).To(Succeed()) }()
		call := func(method, path, contentType, token, body string) answer {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			platform.ServeHTTP(w, r)
			return answer{status: w.Code, body: w.Body.String()}
		}
		form := "grant_type=client_credentials&client_id=me&client_secret=secret"
		granted := call("POST", "/connect/token", "application/x-www-form-urlencoded", "", form)
		token, _ := granted.json(t)["access_token"].(string)
		listed := func() int {
			webhooks, _ := call("GET", "/webhooks", "", token, "").json(t)["webhooks"].([]any)
			return len(webhooks)
		}
		g.Expect(call("POST", "/webhooks", "application/json", token, createBody(callbackURL)).status).To(Equal(201))

		time.Sleep(4 * time.Second)
		g.Expect(listed()).To(Equal(0))
		time.Sleep(time.Second)
		g.Expect(listed()).To(Equal(1))
	})
}

func TestSecretMadeByAnUpdateSigns(t *testing.T) {
	g := NewWithT(t)
	callback := newReceiver(t, respond(http.StatusOK))
	platform, c := newSimulator(t, simulator.Options{
		InsecureCallbacks: true, Variants: []string{"update-makes-secret"},
	})
	id := c.create(callback.URL)
	update := c.do(http.MethodPatch, "/webhooks/"+id, `{"active":true}`)
	g.Expect(update.body).NotTo(ContainSubstring("secret"))

	publish(t, platform, deletedEvent())

	got := callback.received()
	g.Expect(got).To(HaveLen(1))
	g.Expect(got[0].signature).NotTo(Equal(sign(secret, got[0].body)))
	g.Expect(got[0].signature).To(Equal(sign(platform.Webhooks()[0].Secret, got[0].body)))
}
