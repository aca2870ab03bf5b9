package signature

import (
	"crypto/hmac"
	"fmt"
)

// Candidate is a secret that a signature may have been made with.
type Candidate struct {
	// Name is how the secret is told to people, such as "the previous secret" or "webhook model-events".
	Name   string
	Secret string
}

// Explanation is with which secret, of which form of the body, a signature was made.
type Explanation struct {
	// Secret is the name of the candidate.
	Secret string
	// First is true when it is the first one that was given, and so the one that was expected.
	First bool
	// SecretForm is what was done to the secret.
	SecretForm SecretForm
	// BodyForm is what was done to the body.
	BodyForm BodyForm
}

// Right reports whether the signature is that of the body with the secret that was expected, both as they were given.
func (e Explanation) Right() bool {
	return e.First && e.SecretForm == SecretAsGiven && e.BodyForm == BodyAsGiven
}

// String says what was signed with what, and what to do. It contains no secret.
func (e Explanation) String() string {
	text := fmt.Sprintf("The signature was made with %s%s, of the body%s.",
		e.Secret, e.SecretForm.phrase(), e.BodyForm.phrase())
	if !e.First {
		text += " That is not the secret that was expected: use it, or accept both."
	}
	return text + e.SecretForm.advice() + e.BodyForm.advice()
}

// Explain finds out how a signature was made that Verify does not accept: with which candidate, the expected one
// first, and of the body in which form. It tries what commonly goes wrong, the simplest explanation first, and reports
// whether it found one. The error is Verify's about a header or candidates that nothing can be found out of.
//
// It is for people. Never accept a request because of it: it tries secrets and bodies that were not given, does not
// take constant time, and tries hundreds of them for a body that does not match.
func Explain(header string, body []byte, candidates ...Candidate) (e Explanation, found bool, err error) {
	secrets := make([]string, len(candidates))
	for i, c := range candidates {
		secrets[i] = c.Secret
	}
	if !anySecret(secrets) {
		return e, false, ErrNoSecret
	}
	given, err := parse(header)
	if err != nil {
		return e, false, err
	}
	s := search{given: given, candidates: candidates}
	bodies := formsOfBody(body)
	// The body as it was given comes first in its forms, so one changed thing is found before two.
	for _, try := range []struct {
		bodies  []formOfBody
		secrets func(string) []formOfSecret
	}{
		{bodies[:1], func(secret string) []formOfSecret { return formsOfSecret(secret)[:1] }},
		{bodies[:1], formsOfSecret},
		{bodies, func(secret string) []formOfSecret { return formsOfSecret(secret)[:1] }},
		{bodies, formsOfSecret},
	} {
		if e, found := s.match(try.bodies, try.secrets); found {
			return e, true, nil
		}
	}
	return e, false, nil
}

// search looks for how a signature was made.
type search struct {
	given      []byte
	candidates []Candidate
}

// match tries forms of the body with forms of each candidate.
func (s search) match(bodies []formOfBody, secrets func(string) []formOfSecret) (Explanation, bool) {
	for i, c := range s.candidates {
		for _, secret := range secrets(c.Secret) {
			for _, body := range bodies {
				if secret.secret != "" && hmac.Equal(s.given, digest(secret.secret, body.body)) {
					return Explanation{Secret: c.Name, First: i == 0, SecretForm: secret.form, BodyForm: body.form}, true
				}
			}
		}
	}
	return Explanation{}, false
}
