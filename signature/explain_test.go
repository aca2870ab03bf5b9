package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/signature"
)

// of are candidates of which the first one is expected.
func of(secrets ...string) (candidates []signature.Candidate) {
	names := []string{"the secret", "the previous secret", "webhook model-events"}
	for i, s := range secrets {
		candidates = append(candidates, signature.Candidate{Name: names[i], Secret: s})
	}
	return candidates
}

// received is an event with text that programs escape differently.
const received = `{"content":{"name":"Brücke <1> & \"2\"","size":1.50,"parts":[]},"eventType":"iModels.iModelCreated.v1",` +
	`"iTwinId":"5c9d64cf","enqueuedDateTime":"10/12/2023 6:25:39 PM","messageId":"d0d5ae2b","webhookId":"64bf51b3"}`

func TestExplainSecrets(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	for name, test := range map[string]struct {
		signs      string
		candidates []signature.Candidate
		want       signature.Explanation
	}{
		"the secret": {secret, of(secret), signature.Explanation{Secret: "the secret", First: true}},
		"the previous secret": {
			previous, of(secret, previous), signature.Explanation{Secret: "the previous secret"},
		},
		"the secret of another webhook": {
			"0123456789abcdef-of-another-webhook", of(secret, previous, "0123456789abcdef-of-another-webhook"),
			signature.Explanation{Secret: "webhook model-events"},
		},
		"a newline in the file that verifies": {
			secret, of(secret + "\n"), signature.Explanation{First: true, SecretForm: signature.SecretWithoutNewline},
		},
		"a line break of Windows in the file that verifies": {
			secret, of(secret + "\r\n"), signature.Explanation{First: true, SecretForm: signature.SecretWithoutNewline},
		},
		"a newline in the file that signs": {
			secret + "\n", of(secret), signature.Explanation{First: true, SecretForm: signature.SecretWithNewline},
		},
		"a line break of Windows in the file that signs": {
			secret + "\r\n", of(secret), signature.Explanation{First: true, SecretForm: signature.SecretWithCRLF},
		},
		"spaces around the secret that verifies": {
			secret, of(" " + secret + "\t"), signature.Explanation{First: true, SecretForm: signature.SecretTrimmed},
		},
		"quotes around the secret that verifies": {
			secret, of(`"` + secret + `"`), signature.Explanation{First: true, SecretForm: signature.SecretUnquoted},
		},
		"the secret as kubectl shows it": {
			secret, of(encoded), signature.Explanation{First: true, SecretForm: signature.SecretBase64Decoded},
		},
		"the secret as kubectl shows it, with a newline after it": {
			secret, of(encoded + "\n"), signature.Explanation{First: true, SecretForm: signature.SecretBase64Decoded},
		},
		"the secret of a file with a newline as kubectl shows it": {
			secret, of(base64.StdEncoding.EncodeToString([]byte(secret + "\n"))),
			signature.Explanation{First: true, SecretForm: signature.SecretBase64Trimmed},
		},
		"the encoded secret signs": {
			encoded, of(secret), signature.Explanation{First: true, SecretForm: signature.SecretBase64Encoded},
		},
		"the previous secret with a newline": {
			previous, of(secret, previous+"\n"),
			signature.Explanation{Secret: "the previous secret", SecretForm: signature.SecretWithoutNewline},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			want := test.want
			if want.Secret == "" {
				want.Secret = "the secret"
			}
			if want.SecretForm == "" {
				want.SecretForm = signature.SecretAsGiven
			}
			want.BodyForm = signature.BodyAsGiven
			got, found, err := signature.Explain(signature.Sign(test.signs, body), body, test.candidates...)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found).To(BeTrue())
			g.Expect(got).To(Equal(want))
			g.Expect(got.Right()).To(Equal(name == "the secret"))
			for _, s := range []string{secret, previous, encoded} {
				g.Expect(got.String()).NotTo(ContainSubstring(s))
			}
		})
	}
}

// remarshalled is the text as a program that knows no order of fields writes it.
func remarshalled(t *testing.T, text string) string {
	t.Helper()
	var value map[string]any
	NewWithT(t).Expect(json.Unmarshal([]byte(text), &value)).To(Succeed())
	again, err := json.Marshal(value)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(again)
}

func TestExplainBodies(t *testing.T) {
	indented := func(text string) string {
		var out bytes.Buffer
		NewWithT(t).Expect(json.Indent(&out, []byte(text), "", "  ")).To(Succeed())
		return out.String()
	}
	escapedHTML := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(received)
	windows := strings.ReplaceAll(indented(received), "\n", "\r\n")
	simple := `{"content":{"imodelId":"24659f92","aRole":"<é>"},"webhookId":"64bf51b3","messageId":"d0d5ae2b"}`
	ordered := `{"content":{"aRole":"<é>","imodelId":"24659f92"},"messageId":"d0d5ae2b","webhookId":"64bf51b3"}`
	for name, test := range map[string]struct {
		signed, verified string
		want             signature.BodyForm
	}{
		"as it was":                             {received, received, signature.BodyAsGiven},
		"a newline was added":                   {received, received + "\n", signature.BodyWithoutNewline},
		"a newline was stripped":                {received + "\n", received, signature.BodyWithNewline},
		"a line break of Windows was stripped":  {received + "\r\n", received, signature.BodyWithNewline},
		"a byte order mark was added":           {received, "\uFEFF" + received, signature.BodyWithoutBOM},
		"a byte order mark was stripped":        {"\uFEFF" + received, received, signature.BodyWithBOM},
		"CRLF became LF":                        {"{\r\n}", "{\n}", signature.BodyWithCRLF},
		"LF became CRLF":                        {"{\n \"a\": 1\n}", "{\r\n \"a\": 1\r\n}", signature.BodyWithLF},
		"it was indented":                       {received, indented(received), signature.BodyCompacted},
		"it was compacted":                      {indented(received), received, signature.BodyIndented},
		"it was compacted from lines of CRLF":   {windows, received, signature.BodyIndented},
		"HTML was escaped, as by Go":            {received, escapedHTML, signature.BodyReencoded},
		"HTML was unescaped":                    {escapedHTML, received, signature.BodyReencoded},
		"letters were escaped, as by Python":    {received, strings.ReplaceAll(received, "ü", `\u00fc`), signature.BodyReencoded},
		"letters were unescaped":                {strings.ReplaceAll(received, "ü", `\u00fc`), received, signature.BodyReencoded},
		"it was unescaped from what .NET wrote": {`{"a":"\u003C\uD83C\uDF09\u0022\u0027"}`, `{"a":"<🌉\"'"}`, signature.BodyReencoded},
		"the fields were sorted":                {ordered, remarshalled(t, simple), signature.BodyReencoded},
		"no JSON, with a newline":               {"no JSON", "no JSON\n", signature.BodyWithoutNewline},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, found, err := signature.Explain(signature.Sign(secret, []byte(test.signed)), []byte(test.verified), of(secret)...)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found).To(BeTrue())
			g.Expect(got).To(Equal(signature.Explanation{
				Secret: "the secret", First: true, SecretForm: signature.SecretAsGiven, BodyForm: test.want,
			}))
			g.Expect(strings.Contains(got.String(), "raw bytes")).To(Equal(test.want != signature.BodyAsGiven), got.String())
		})
	}
}

func TestExplainFindsTwoMistakes(t *testing.T) {
	g := NewWithT(t)
	got, found, err := signature.Explain(signature.Sign(previous, body), append(body, '\n'), of(secret, previous+"\n")...)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(BeTrue())
	g.Expect(got.String()).To(Equal("The signature was made with the previous secret without the newline at its end, of the body " +
		"without the newline at its end. That is not the secret that was expected: use it, or accept both. Remove the newline " +
		"from the end of the secret that verifies, as by printf %s instead of echo. Something changed the body before it was " +
		"verified: verify the raw bytes of the request, before anything parses them, and look at proxies in between."))
}

func TestExplainFindsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		header     string
		candidates []signature.Candidate
		err        error
	}{
		"another secret and body": {signature.Sign("another", []byte("{}")), of(secret, previous), nil},
		"an empty secret signs":   {signature.Sign("", body), of(secret, ""), nil},
		"no header":               {"", of(secret), signature.ErrMissing},
		"a malformed header":      {"sha1=00", of(secret), signature.ErrMalformed},
		"no candidate":            {signature.Sign(secret, body), nil, signature.ErrNoSecret},
		"an empty candidate":      {signature.Sign(secret, body), of(""), signature.ErrNoSecret},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, found, err := signature.Explain(test.header, body, test.candidates...)
			g.Expect(found).To(BeFalse())
			if test.err == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(test.err))
		})
	}
}

// FuzzExplain: what Verify accepts is explained as right, whatever the body is, and nothing is a panic.
func FuzzExplain(f *testing.F) {
	f.Add(body, secret)
	f.Add([]byte(received), secret+"\n")
	f.Add([]byte("\uFEFF{\"a\":\"\\ud800\"}"), "\"quoted\"")
	f.Add([]byte(`{"content":1,"content":2}`), " ")
	f.Add([]byte(nil), "c2VjcmV0")
	f.Fuzz(func(t *testing.T, body []byte, secret string) {
		if secret == "" || len(body) > 1<<10 {
			return
		}
		e, found, err := signature.Explain(signature.Sign(secret, body), body, signature.Candidate{Secret: secret})
		if err != nil || !found || !e.Right() {
			t.Errorf("%+v, %v, %v", e, found, err)
		}
		_, _, _ = signature.Explain(signature.Sign("x", body), body, signature.Candidate{Secret: secret})
	})
}

// What anyone can send costs no more than others: indented, 5,000 levels have 100 MB in each form.
func TestExplainDoesNotIndentWhatIsDeeplyNested(t *testing.T) {
	g := NewWithT(t)
	deep := []byte(`{"content":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}")
	spaced := bytes.ReplaceAll(deep, []byte(":"), []byte(": "))
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _, _ = signature.Explain(signature.Sign("another", deep), deep, of(secret)...)
		}
	}).AllocedBytesPerOp()
	g.Expect(allocated).To(BeNumerically("<", 32<<20))
	got, found, err := signature.Explain(signature.Sign(secret, deep), spaced, of(secret)...)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(BeTrue())
	g.Expect(got.BodyForm).To(Equal(signature.BodyCompacted))
}
