package signature

import "errors"

// What Verify returns, to be told apart by errors.Is. All but ErrNoSecret are about the request.
var (
	// ErrNoSecret: no secret was given, or only empty ones. It is the receiver's own mistake: with an empty secret
	// anyone could sign.
	ErrNoSecret = errors.New("verify the signature: no secret was given")
	// ErrMissing: the request has no Signature header.
	ErrMissing = errors.New("verify the signature: the request has no Signature header")
	// ErrMalformed: the header is not "sha256=" with 64 hexadecimal digits. It is always a *MalformedError.
	ErrMalformed = errors.New("verify the signature: the Signature header is malformed")
	// ErrMismatch: no secret makes this signature of this body.
	ErrMismatch = errors.New("verify the signature: it was not made of this body with any of the secrets")
)

// Part is a part of the Signature header.
type Part string

// The parts of a header that can be wrong.
const (
	// PartScheme: the header does not begin with "sha256=".
	PartScheme Part = "scheme"
	// PartHex: what follows are not hexadecimal digits alone.
	PartHex Part = "hex"
	// PartLength: there are not 64 digits.
	PartLength Part = "length"
	// PartCount: the request has several Signature headers.
	PartCount Part = "count"
)

// MalformedError says which part of the header is wrong. It quotes nothing of the header, which anyone can send.
type MalformedError struct {
	Part Part
}

// wanted is what each part should be.
var wanted = map[Part]string{
	PartScheme: `it must begin with "sha256="`,
	PartHex:    `only hexadecimal digits may follow "sha256="`,
	PartLength: `64 hexadecimal digits must follow "sha256="`,
	PartCount:  "there must be one",
}

func (e *MalformedError) Error() string { return ErrMalformed.Error() + ": " + wanted[e.Part] }

// Is makes errors.Is(err, ErrMalformed) true.
func (e *MalformedError) Is(target error) bool { return target == ErrMalformed }
