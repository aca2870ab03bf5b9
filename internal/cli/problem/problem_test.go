package problem

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
)

func TestAnErrorIsOneLineOfPrintableText(t *testing.T) {
	g := NewWithT(t)
	g.Expect(New("a\n\tb\u202e", "do\x1b[31m it").Error()).To(Equal("a b: do [31m it"))
	g.Expect(Explain(errors.New("said \u2066so\u2069\r\n now")).Error()).To(Equal("said so now"))
}
