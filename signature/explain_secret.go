package signature

import (
	"encoding/base64"
	"strings"
)

// SecretForm is what has to be done to a secret to get the one that a signature was made with.
type SecretForm string

// The forms that Explain tries.
const (
	SecretAsGiven        SecretForm = "as given"
	SecretWithoutNewline SecretForm = "without newline"
	SecretTrimmed        SecretForm = "trimmed"
	SecretWithNewline    SecretForm = "with newline"
	SecretWithCRLF       SecretForm = "with carriage return and newline"
	SecretUnquoted       SecretForm = "unquoted"
	SecretBase64Decoded  SecretForm = "base64-decoded"
	SecretBase64Trimmed  SecretForm = "base64-decoded and trimmed" //nolint:gosec // it names a form and is no secret
	SecretBase64Encoded  SecretForm = "base64-encoded"
)

// aboutSecrets has for each form how it is told, and what to do.
var aboutSecrets = map[SecretForm]struct{ phrase, advice string }{
	SecretWithoutNewline: {" without the newline at its end",
		" Remove the newline from the end of the secret that verifies, as by printf %s instead of echo."},
	SecretTrimmed: {" without the white space around it",
		" Remove the white space around the secret that verifies."},
	SecretWithNewline: {" with a newline at its end",
		" The secret that signs ends with a newline, as of a file: rotate it to one without."},
	SecretWithCRLF: {" with a carriage return and a newline at its end",
		" The secret that signs ends with a line break, as of a file: rotate it to one without."},
	SecretUnquoted: {" without the quotes around it",
		" Remove the quotes around the secret that verifies."},
	SecretBase64Decoded: {", base64-decoded",
		" Decode the secret that verifies: kubectl shows the values of a Secret base64-encoded."},
	SecretBase64Trimmed: {", base64-decoded and without the white space around that",
		" Decode the secret that verifies, and remove the white space around it."},
	SecretBase64Encoded: {", base64-encoded",
		" The secret that signs is base64-encoded once more, as by stringData for what was encoded already: rotate it, or" +
			" verify with the encoded one."},
}

func (f SecretForm) phrase() string { return aboutSecrets[f].phrase }
func (f SecretForm) advice() string { return aboutSecrets[f].advice }

type formOfSecret struct {
	form   SecretForm
	secret string
}

// formsOfSecret are the forms of a secret that differ, as it was given first.
func formsOfSecret(secret string) (forms []formOfSecret) {
	seen := map[string]bool{}
	add := func(form SecretForm, changed string) {
		if !seen[changed] {
			seen[changed] = true
			forms = append(forms, formOfSecret{form, changed})
		}
	}
	add(SecretAsGiven, secret)
	trimmed := strings.TrimSpace(secret)
	add(SecretWithoutNewline, strings.TrimRight(secret, "\r\n"))
	add(SecretTrimmed, trimmed)
	add(SecretWithNewline, trimmed+"\n")
	add(SecretWithCRLF, trimmed+"\r\n")
	add(SecretUnquoted, unquoted(trimmed))
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if decoded, err := encoding.DecodeString(trimmed); err == nil {
			add(SecretBase64Decoded, string(decoded))
			add(SecretBase64Trimmed, strings.TrimSpace(string(decoded)))
		}
	}
	add(SecretBase64Encoded, base64.StdEncoding.EncodeToString([]byte(secret)))
	return forms
}

// unquoted returns a text without a pair of quotes around it.
func unquoted(text string) string {
	for _, quote := range []string{`"`, `'`} {
		if inner, found := strings.CutPrefix(text, quote); found {
			if inner, found = strings.CutSuffix(inner, quote); found {
				return inner
			}
		}
	}
	return text
}
