package signature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// BodyForm is what has to be done to a body to get the one that was signed.
type BodyForm string

// The forms that Explain tries. A body whose JSON was encoded again is told as BodyReencoded.
const (
	BodyAsGiven        BodyForm = "as given"
	BodyWithoutNewline BodyForm = "without newline"
	BodyWithNewline    BodyForm = "with newline"
	BodyWithoutBOM     BodyForm = "without byte order mark"
	BodyWithBOM        BodyForm = "with byte order mark"
	BodyWithLF         BodyForm = "with LF for CRLF"
	BodyWithCRLF       BodyForm = "with CRLF for LF"
	BodyCompacted      BodyForm = "compacted"
	BodyIndented       BodyForm = "indented"
	BodyReencoded      BodyForm = "re-encoded"
)

// raw is what to do in every case but that of a changed secret.
const raw = " Something changed the body before it was verified: verify the raw bytes of the request, before" +
	" anything parses them, and look at proxies in between."

var aboutBodies = map[BodyForm]string{
	BodyWithoutNewline: " without the newline at its end",
	BodyWithNewline:    " with a newline at its end",
	BodyWithoutBOM:     " without the byte order mark at its beginning",
	BodyWithBOM:        " with a byte order mark at its beginning",
	BodyWithLF:         " with LF in place of each CRLF",
	BodyWithCRLF:       " with CRLF in place of each LF",
	BodyCompacted:      " without the white space in its JSON",
	BodyIndented:       " with its JSON indented",
	BodyReencoded:      " with its JSON encoded in another way: other escapes, or another order of the fields",
}

func (f BodyForm) phrase() string { return aboutBodies[f] }

func (f BodyForm) advice() string {
	if f == BodyAsGiven {
		return ""
	}
	return raw
}

type formOfBody struct {
	form BodyForm
	body []byte
}

// forms collects those that differ.
type forms struct {
	seen map[string]bool
	all  []formOfBody
}

func (f *forms) add(form BodyForm, body []byte) {
	if !f.seen[string(body)] {
		f.seen[string(body)] = true
		f.all = append(f.all, formOfBody{form, body})
	}
}

// formsOfBody are the forms of a body that differ, as it was given first.
func formsOfBody(body []byte) []formOfBody {
	f := &forms{seen: map[string]bool{}}
	f.add(BodyAsGiven, body)
	f.add(BodyWithoutNewline, bytes.TrimRight(body, "\r\n"))
	for _, end := range []string{"\n", "\r\n"} {
		f.add(BodyWithNewline, append(bytes.Clone(body), end...))
	}
	bare := bytes.TrimPrefix(body, byteOrderMark)
	f.add(BodyWithoutBOM, bare)
	f.add(BodyWithBOM, append(bytes.Clone(byteOrderMark), bare...))
	lf := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	f.add(BodyWithLF, lf)
	f.add(BodyWithCRLF, bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n")))
	if len(bare) <= mostJSON && json.Valid(bare) {
		f.addJSON(bare)
	}
	return f.all
}

// addJSON adds how other programs would have encoded the same value: in each layout, with each way to escape, and with
// the fields in the order of the platform.
func (f *forms) addJSON(body []byte) {
	var compact bytes.Buffer
	_ = json.Compact(&compact, body) // it is valid
	f.addLayouts(compact.Bytes(), BodyCompacted, BodyIndented)
	for _, ordered := range [][]byte{compact.Bytes(), platformOrder(compact.Bytes())} {
		for _, quote := range []func(string) string{nil, quotePlain, quoteHTML, quoteASCII, quoteDotNet} {
			f.addLayouts(requoted(ordered, quote), BodyReencoded, BodyReencoded)
		}
	}
}

// addLayouts adds a compact value, and indented as programs do it by default.
func (f *forms) addLayouts(compact []byte, form, indentedForm BodyForm) {
	f.add(form, compact)
	f.add(form, append(bytes.Clone(compact), '\n'))
	if nesting(compact) > mostNesting {
		return
	}
	for _, indent := range []string{"  ", "    ", "\t"} {
		var indented bytes.Buffer
		if json.Indent(&indented, compact, "", indent) != nil {
			continue
		}
		f.add(indentedForm, bytes.Clone(indented.Bytes()))
		f.add(indentedForm, bytes.ReplaceAll(indented.Bytes(), []byte("\n"), []byte("\r\n")))
		f.add(indentedForm, append(bytes.Clone(indented.Bytes()), '\n'))
	}
}

// mostJSON is the largest body whose JSON is encoded in other ways, in bytes: some hundred of them are kept.
const mostJSON = 1 << 20

// mostNesting bounds how deep a value may be to be indented: its size grows with the square of the depth, which the
// sender of the body chooses.
const mostNesting = 100

// nesting is how deep a JSON text is.
func nesting(text []byte) (most int) {
	depth := 0
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		switch token, err := decoder.Token(); {
		case err != nil:
			return most
		case token == json.Delim('{'), token == json.Delim('['):
			depth++
			most = max(most, depth)
		case token == json.Delim('}'), token == json.Delim(']'):
			depth--
		}
	}
}

// platformOrder encodes the fields of an event in the order of the platform's example, if there are no others.
func platformOrder(compact []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(compact, &fields) != nil {
		return compact
	}
	order := []string{"content", "eventType", "iTwinId", "enqueuedDateTime", "messageId", "webhookId"}
	pairs := make([]string, 0, len(order))
	for _, name := range order {
		if value, found := fields[name]; found {
			pairs = append(pairs, fmt.Sprintf("%q:%s", name, value))
		}
	}
	if len(pairs) != len(fields) {
		return compact
	}
	return []byte("{" + strings.Join(pairs, ",") + "}")
}

// stringLiteral is a string in valid JSON.
var stringLiteral = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// requoted writes each string of a JSON text in another way; a nil quote leaves them.
func requoted(text []byte, quote func(string) string) []byte {
	if quote == nil {
		return text
	}
	return stringLiteral.ReplaceAllFunc(text, func(literal []byte) []byte {
		var value string
		if json.Unmarshal(literal, &value) != nil || !utf8.ValidString(value) {
			return literal
		}
		return []byte(quote(value))
	})
}

// quotePlain escapes only what must be, as JavaScript does.
func quotePlain(value string) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a string always encodes
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(text.String(), "\n"))
}

// quoteHTML also escapes what has a meaning in HTML, as Go does.
func quoteHTML(value string) string {
	text, _ := json.Marshal(value) // a string always encodes
	return string(text)
}

// quoteASCII escapes all that is not ASCII, as Python does.
func quoteASCII(value string) string {
	return escaped(quotePlain(value), `\u%04x`, func(r rune) bool { return r > '~' })
}

// quoteDotNet escapes all that is not ASCII and what has a meaning in HTML, in upper case, as .NET does.
func quoteDotNet(value string) string {
	text := strings.ReplaceAll(quotePlain(value), `\"`, `\u0022`)
	return escaped(text, `\u%04X`, func(r rune) bool { return r > '~' || strings.ContainsRune("<>&'+`", r) })
}

// escaped replaces characters by their code units in UTF-16.
func escaped(text, format string, wanted func(rune) bool) string {
	var out strings.Builder
	for _, r := range text {
		if !wanted(r) {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			_, _ = fmt.Fprintf(&out, format, unit)
		}
	}
	return out.String()
}
