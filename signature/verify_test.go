package signature_test

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/signature"
)

const (
	secret   = "0123456789abcdef0123456789abcdef"
	previous = "fedcba9876543210fedcba9876543210"
)

var body = []byte(`{"content":{},"eventType":"iTwins.iTwinCreated.v1","iTwinId":"5c9d64cf-d22f-4149-ad08-c24ff395c3a0",` +
	`"enqueuedDateTime":"10/12/2023 6:25:39 PM","messageId":"d0d5ae2b-77cd-4361-bfee-ee42a1f8a0a9",` +
	`"webhookId":"64bf51b3-0867-4c3c-a7f2-5523fd1968bf"}`)

func TestVerify(t *testing.T) {
	right := signature.Sign(secret, body)
	digits := strings.TrimPrefix(right, "sha256=")
	malformed := func(part signature.Part) error { return &signature.MalformedError{Part: part} }
	for name, test := range map[string]struct {
		header  string
		secrets []string
		want    error
	}{
		"the secret → right":                         {right, []string{secret}, nil},
		"the previous secret → right":                {right, []string{previous, secret}, nil},
		"the current of two → right":                 {right, []string{secret, previous}, nil},
		"no previous secret → right":                 {right, []string{secret, ""}, nil},
		"digits in upper case → right":               {"sha256=" + strings.ToUpper(digits), []string{secret}, nil},
		"scheme in upper case → right":               {"SHA256=" + digits, []string{secret}, nil},
		"another secret → mismatch":                  {right, []string{previous}, signature.ErrMismatch},
		"a secret with a newline → mismatch":         {right, []string{secret + "\n"}, signature.ErrMismatch},
		"no secret → no secret":                      {right, nil, signature.ErrNoSecret},
		"only empty secrets → no secret":             {signature.Sign("", body), []string{"", ""}, signature.ErrNoSecret},
		"no header, no secret → no secret":           {"", nil, signature.ErrNoSecret},
		"signed with an empty secret → mismatch":     {signature.Sign("", body), []string{secret, ""}, signature.ErrMismatch},
		"no header → missing":                        {"", []string{secret}, signature.ErrMissing},
		"no scheme → malformed scheme":               {digits, []string{secret}, malformed(signature.PartScheme)},
		"another scheme → malformed scheme":          {"sha1=" + digits, []string{secret}, malformed(signature.PartScheme)},
		"a space before the scheme → malformed":      {" " + right, []string{secret}, malformed(signature.PartScheme)},
		"the scheme alone → malformed scheme":        {"sha256", []string{secret}, malformed(signature.PartScheme)},
		"no digits → malformed length":               {"sha256=", []string{secret}, malformed(signature.PartLength)},
		"one digit too few → malformed length":       {right[:len(right)-1], []string{secret}, malformed(signature.PartLength)},
		"two digits too few → malformed length":      {right[:len(right)-2], []string{secret}, malformed(signature.PartLength)},
		"two digits too many → malformed length":     {right + "00", []string{secret}, malformed(signature.PartLength)},
		"base64 in place of digits → malformed hex":  {"sha256=" + strings.Repeat("Zm9v", 16), []string{secret}, malformed(signature.PartHex)},
		"a space after the digits → malformed hex":   {right + " ", []string{secret}, malformed(signature.PartHex)},
		"another value after a comma → malformed":    {right + ", " + right, []string{secret}, malformed(signature.PartHex)},
		"a second = after the digits → malformed":    {right + "=", []string{secret}, malformed(signature.PartHex)},
		"the digits of another body → mismatch":      {signature.Sign(secret, append(body, '\n')), []string{secret}, signature.ErrMismatch},
		"the digits of an empty body → mismatch":     {signature.Sign(secret, nil), []string{secret}, signature.ErrMismatch},
		"the first of many secrets → right":          {right, []string{secret, "b", "c", "d"}, nil},
		"the last of many secrets → right":           {right, []string{"b", "c", "d", secret}, nil},
		"a wrong secret beside another one → refuse": {right, []string{"b", "c", "d"}, signature.ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := signature.Verify(test.header, body, test.secrets...)
			if test.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(Equal(test.want))
			var part *signature.MalformedError
			g.Expect(errors.Is(err, signature.ErrMalformed)).To(Equal(errors.As(err, &part)))
			if len(test.header) > len("sha256=") {
				g.Expect(err.Error()).NotTo(ContainSubstring(test.header), "anyone can send a header")
			}
			g.Expect(err.Error()).NotTo(ContainSubstring(secret))
		})
	}
}

func TestEveryMalformedPartSaysWhatIsWanted(t *testing.T) {
	said := map[string]bool{}
	for _, part := range []signature.Part{
		signature.PartScheme, signature.PartHex, signature.PartLength, signature.PartCount,
	} {
		said[(&signature.MalformedError{Part: part}).Error()] = true
	}
	NewWithT(t).Expect(said).To(HaveLen(4))
}

// FuzzVerify: no header is accepted but the one that Sign makes, in either case of letters, and none is a panic.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Header, []byte(v.Body), v.Secret)
	}
	f.Add("", []byte(nil), "")
	f.Add("sha256=", []byte{0xff, 0xfe}, "\x00")
	f.Add(signature.Sign(secret, body), body, secret)
	f.Add(strings.Replace(signature.Sign(secret, body), "s", "\u017f", 1), body, secret)
	f.Fuzz(func(t *testing.T, header string, body []byte, secret string) {
		right := signature.Sign(secret, body)
		err := signature.Verify(header, body, secret)
		if want := secret != "" && strings.EqualFold(header, right) && isASCII(header); (err == nil) != want {
			t.Errorf("Verify(%q) of %q with %q: %v", header, body, secret, err)
		}
		if secret == "" {
			return
		}
		if err := signature.Verify(right, body, secret); err != nil {
			t.Errorf("what Sign makes of %q with %q: %v", body, secret, err)
		}
		if changed := append([]byte("x"), body...); signature.Verify(right, changed, secret) == nil {
			t.Errorf("%q is accepted with the signature of %q", changed, body)
		}
	})
}

// isASCII reports whether a text has no letter that strings.EqualFold takes for another one, such as U+017F for s.
func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > '~' }) < 0
}
