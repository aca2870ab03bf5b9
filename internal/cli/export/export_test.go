package export

import (
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/platform"
)

const (
	anID   = "e6989b43-53ab-45e2-a610-560c6f7e879e"
	iTwin  = "5c9d64cf-d22f-4149-ad08-c24ff395c3a0"
	events = "iModels.iModelDeleted.v1"
)

// aRemote is a webhook of the platform.
func aRemote(changes ...func(*platform.Webhook)) platform.Webhook {
	w := platform.Webhook{
		ID: anID, Scope: "iTwin", ScopeID: iTwin, Active: true, CallbackURL: "https://hooks.example.com/itwin/lifecycle",
		EventTypes: []string{events},
	}
	for _, change := range changes {
		change(&w)
	}
	return w
}

func called(url string) func(*platform.Webhook) {
	return func(w *platform.Webhook) { w.CallbackURL = url }
}

func TestNames(t *testing.T) {
	for callback, want := range map[string]string{
		"https://hooks.example.com/itwin/lifecycle":            "hooks-example-com-itwin-imodeldeleted-",
		"https://hooks.example.com/T0KEN-in-the-path?code=S3C": "hooks-example-com-itwin-imodeldeleted-",
		"https://10.1.2.3:8443/":                               "webhook-10-1-2-3-itwin-imodeldeleted-",
		"https://A.example.com/%C3%84/..//x_y":                 "a-example-com-itwin-imodeldeleted-",
		"https://" + strings.Repeat("long.", 30) + "example/":  "long-long-long-long-long-long-long-long-long-long-long-",
		"%%%": "itwin-imodeldeleted-",
	} {
		g := NewWithT(t)
		name := nameOf(aRemote(called(callback)))
		g.Expect(name[:len(name)-hashDigits]).To(Equal(want), callback)
		g.Expect(validation.IsDNS1123Label(name)).To(BeEmpty())
		upper := aRemote(called(callback), func(w *platform.Webhook) { w.ID = strings.ToUpper(anID) })
		g.Expect(nameOf(upper)).To(Equal(name), "whatever the spelling of the id")
		other := aRemote(called(callback), func(w *platform.Webhook) { w.ID = iTwin })
		g.Expect(nameOf(other)).NotTo(Equal(name))
	}
}

func TestNamesTellTheEvents(t *testing.T) {
	g := NewWithT(t)
	g.Expect(commonEvent(nil)).To(BeEmpty())
	g.Expect(commonEvent([]string{"iModels.iModelDeleted.v1", "iModels.iModelDeleted.v2"})).To(Equal("iModelDeleted"))
	g.Expect(commonEvent([]string{"iModels.iModelDeleted.v1", "iModels.iModelCreated.v1"})).To(Equal("iModels"))
	g.Expect(commonEvent([]string{"iModels.iModelDeleted.v1", "iTwins.iTwinCreated.v1"})).To(BeEmpty())
}

func TestOddRemoteWebhooks(t *testing.T) {
	types := func(names ...string) func(*platform.Webhook) {
		return func(w *platform.Webhook) { w.EventTypes = names }
	}
	for name, c := range map[string]struct {
		webhook platform.Webhook
		want    string
	}{
		"as documented":                {aRemote(), ""},
		"of an account":                {aRemote(func(w *platform.Webhook) { w.Scope = "account" }), ""},
		"event types twice":            {aRemote(types(events, events)), ""},
		"an unknown scope":             {aRemote(func(w *platform.Webhook) { w.Scope = "iModel" }), `scope "iModel"`},
		"no iTwin":                     {aRemote(func(w *platform.Webhook) { w.ScopeID = "" }), "scopeId"},
		"no event types":               {aRemote(types()), "no event types"},
		"an event type of version 1":   {aRemote(types("iModelDeletedEvent")), "iModelDeletedEvent"},
		"http":                         {aRemote(called("http://hooks.example.com/")), "https://"},
		"a password":                   {aRemote(called("https://a:b@hooks.example.com/")), "password"},
		"a fragment":                   {aRemote(called("https://hooks.example.com/#a")), "fragment"},
		"an empty mark":                {aRemote(called("https://hooks.example.com/?itwin-webhook")), "parameter itwin-webhook"},
		"an encoded mark":              {aRemote(called("https://hooks.example.com/?a%26iTwin%2dwebhook%3d1")), "parameter itwin-webhook"},
		"a port of 0":                  {aRemote(called("https://hooks.example.com:0/")), "port"},
		"a host that is a number":      {aRemote(called("https://2130706433/")), "host"},
		"brackets without an address":  {aRemote(called("https://[::g]/")), "host"},
		"an IPv4 address in IPv6":      {aRemote(called("https://[::ffff:192.0.2.1]/x")), "host"},
		"an IPv6 address":              {aRemote(called("https://[2001:db8::1]:8443/x")), ""},
		"a letter that is not encoded": {aRemote(called("https://hooks.example.com/ü")), "percent-encode"},
		"a callback of a megabyte":     {aRemote(called("https://a.example.com/" + strings.Repeat("a", 1<<20))), "2048"},
		"an id that is not a UUID":     {aRemote(func(w *platform.Webhook) { w.ID = "17" }), "UUID"},
		"what a create has left":       {aRemote(func(w *platform.Webhook) { w.Mark = "uid" }), "left it behind"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			why := strings.Join(oddities(c.webhook), "; ")
			if c.want == "" {
				g.Expect(why).To(BeEmpty())
				return
			}
			g.Expect(why).To(ContainSubstring(c.want))
			for line := range strings.Lines(commentedOut(manifestOf(c.webhook, place{}, true), c.webhook, oddities(c.webhook))) {
				g.Expect(line).To(HavePrefix("# "))
			}
		})
	}
}

// What is commented out stays a comment, whatever YAML takes for the end of a line.
func TestWhatIsCommentedOutHoldsNoObject(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
		g := NewWithT(t)
		text := strings.Join([]string{"", "apiVersion: v1", "kind: ConfigMap", "metadata: {name: planted}", "#"}, end)
		w := aRemote(func(w *platform.Webhook) { w.ID, w.ScopeID, w.EventTypes = text, text, []string{text} })
		var got map[string]any
		g.Expect(yaml.Unmarshal([]byte(commentedOut(manifestOf(w, place{}, false), w, oddities(w))), &got)).To(Succeed(), "%q", end)
		g.Expect(got).To(BeEmpty(), "%q", end)
	}
}

func TestWhatIsCommentedOutHoldsNoQuery(t *testing.T) {
	for _, callback := range []string{"http://a/x?code=hidden", "https://a/x\x1b[31m?code=hidden", "https://a b?code=hidden"} {
		w := aRemote(func(w *platform.Webhook) { w.CallbackURL = callback })
		NewWithT(t).Expect(commentedOut(manifestOf(w, place{}, false), w, oddities(w))).
			To(And(ContainSubstring("?…"), Not(ContainSubstring("hidden"))), "%q", callback)
	}
}

// The rules are those of the CRD.
func TestThePatternsAreThoseOfTheCRD(t *testing.T) {
	g := NewWithT(t)
	data, err := os.ReadFile("../../../config/crd/bases/itwin.webhook-operator.io_webhooks.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	var crd map[string]any
	g.Expect(yaml.Unmarshal(data, &crd)).To(Succeed())
	text := textsOf(crd)
	for _, pattern := range []string{
		uuidPattern, eventPattern, charactersPattern, userPattern, hostPattern, longHostPattern, withPortPattern, portPattern, ownerPattern,
	} {
		g.Expect(text).To(ContainSubstring(pattern))
	}
}

// textsOf are all texts in a value.
func textsOf(value any) (text string) {
	switch v := value.(type) {
	case string:
		return v + "\n"
	case []any:
		for _, item := range v {
			text += textsOf(item)
		}
	case map[string]any:
		for _, item := range v {
			text += textsOf(item)
		}
	}
	return text
}

func TestAManifestHasAllThatItsRemoteWebhookHas(t *testing.T) {
	g := NewWithT(t)
	in := place{namespace: "digital-twin", kind: itwinv1alpha1.ConnectionKindCluster, name: "organization"}
	w := aRemote(called("https://hooks.example.com/itwin?code=a%20b&x='\"#"[:45]), func(w *platform.Webhook) { w.Active = false })
	data, err := document(manifestOf(w, in, true), w)
	g.Expect(err).NotTo(HaveOccurred())
	var got itwinv1alpha1.Webhook
	g.Expect(yaml.UnmarshalStrict(data, &got)).To(Succeed())
	g.Expect(got.Namespace).To(Equal("digital-twin"))
	g.Expect(got.Spec).To(Equal(itwinv1alpha1.WebhookSpec{
		ConnectionRef: itwinv1alpha1.ConnectionReference{Kind: "ClusterConnection", Name: "organization"},
		WebhookID:     anID, CallbackURL: w.CallbackURL, Scope: "iTwin", ScopeID: iTwin, EventTypes: []string{events},
		Active: new(false), SecretRef: &itwinv1alpha1.SecretKeyReference{Name: got.Name + "-hmac", Key: "secret"},
		DeletionPolicy: "Retain", Suspend: true,
	}))
	g.Expect(string(data)).To(And(ContainSubstring("# It is off on the platform"), ContainSubstring("# The callbackUrl has a query"),
		ContainSubstring("# kubectl create secret generic "+got.Name+"-hmac -n digital-twin --from-file=secret=FILE")))
}

func TestACallbackThatMayHoldATokenIsTold(t *testing.T) {
	for callback, want := range map[string]string{
		"https://hooks.example.com/itwin/lifecycle":                                  "",
		"https://hooks.example.com/api/v1/webhooks/receiver-2":                       "",
		"https://hooks.example.com/services/T00000000/B00000000/hT7wQ2xYpL9mZ4":      "path of the callbackUrl looks like",
		"https://prod-12.example.com/workflows/0123456789abcdef0123456789abcdef/run": "path of the callbackUrl looks like",
		"https://hooks.example.com/itwin?code=hT7wQ2xYpL9mZ4cV":                      "query of the callbackUrl looks like",
		"https://hooks.example.com/itwin?version=2":                                  "has a query: make sure",
	} {
		g := NewWithT(t)
		w := aRemote(called(callback))
		data, err := document(manifestOf(w, place{}, true), w)
		g.Expect(err).NotTo(HaveOccurred())
		if want == "" {
			g.Expect(string(data)).NotTo(ContainSubstring("The "), callback)
			continue
		}
		g.Expect(string(data)).To(ContainSubstring(want), callback)
	}
}

// A reactivation would send a secret that the receivers do not have.
func TestAWebhookWithoutItsSecretIsReactivatedOnRequestAlone(t *testing.T) {
	g := NewWithT(t)
	w := aRemote()
	data, err := document(manifestOf(w, place{}, false), w)
	g.Expect(err).NotTo(HaveOccurred())
	var got itwinv1alpha1.Webhook
	g.Expect(yaml.UnmarshalStrict(data, &got)).To(Succeed())
	g.Expect(got.Spec.ReactivationPolicy).To(Equal(itwinv1alpha1.ReactivateOnRequest))
	g.Expect(string(data)).To(ContainSubstring("# A reactivation, too, replaces the signing secret"))
	data, err = document(manifestOf(w, place{}, true), w)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(data)).NotTo(ContainSubstring("eactivation"))
}

func TestWebhooksClaimWhatTheyNameInAnyWay(t *testing.T) {
	ids := []string{
		"00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000003",
		"00000000-0000-4000-8000-000000000004", "00000000-0000-4000-8000-000000000005",
	}
	g := NewWithT(t)
	w := &itwinv1alpha1.Webhook{}
	w.UID = "ABCD"
	w.Spec.WebhookID, w.Status.WebhookID = strings.ToUpper(ids[0]), ids[1]
	w.Annotations = map[string]string{
		itwinv1alpha1.WebhookIDAnnotation: ids[2],
		itwinv1alpha1.FormerAnnotation:    "v1.api.example.com/0123." + ids[3] + ".sum,v1.x." + ids[3] + ".sum",
	}
	w.Status.Former = []itwinv1alpha1.FormerWebhook{{WebhookID: ids[4]}}
	c := &claims{ids: map[string]bool{}, uids: map[string]bool{}}
	c.include(w)
	for _, id := range ids {
		g.Expect(c.has(platform.Webhook{ID: id})).To(BeTrue(), id)
	}
	g.Expect(c.has(platform.Webhook{ID: anID})).To(BeFalse())
	g.Expect(c.has(platform.Webhook{ID: anID, Mark: "abcd"})).To(BeTrue())
	g.Expect(c.has(platform.Webhook{ID: anID, Mark: "other"})).To(BeFalse())
}
