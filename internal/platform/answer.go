package platform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// maxWords bounds what is quoted, in bytes, of an answer that is not the platform's.
const maxWords = 256

// describeAnswer says what an answer without the platform's own error body is. Of a page or a plain text it quotes the
// words; JSON is not quoted, because nothing is known of what it holds.
func describeAnswer(response *http.Response, body []byte, quote func(string) string) string {
	if location, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
		return "redirects to " + withoutQuery(location) + ", which is not followed"
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, bom))
	switch {
	case len(body) == 0:
		return "answered without a body"
	case looksLikeHTML(response.Header, body):
		return strings.TrimSuffix("answered with HTML: "+cut(quote(wordsOf(body)), maxWords), ": ")
	case json.Valid(body), body[0] == '{', body[0] == '[':
		return "answered with JSON that is not an error of the platform"
	}
	return "answered with text: " + cut(quote(string(body)), maxWords)
}

// wordsOf returns the text of a page.
func wordsOf(page []byte) string {
	var words []string
	tokens, hidden := html.NewTokenizer(bytes.NewReader(page)), false
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.Join(words, " ")
		case html.StartTagToken:
			name, _ := tokens.TagName()
			hidden = string(name) == "script" || string(name) == "style"
		case html.EndTagToken:
			hidden = false
		case html.TextToken:
			if !hidden {
				words = append(words, strings.Fields(string(tokens.Text()))...)
			}
		}
	}
}

// queries and users match the query and the user of a URL in a text: either may hold a secret. A query may have quotes
// and brackets in it, so it goes on to what no URL has. Those at its end are more likely the text's.
var (
	queries = regexp.MustCompile(`(?i)(https?://[^\s"<>?]*)\?[^\s"<>]*?([')]*)([\s"<>]|$)`)
	users   = regexp.MustCompile(`(?i)(https?://)[^\s"<>/?#]*@`)
)

// WithoutQueries cuts the queries of the URLs in a text, and their users.
func WithoutQueries(s string) string {
	return users.ReplaceAllString(queries.ReplaceAllString(s, "$1?…$2$3"), "$1…@")
}

// tokenBody reads an answer of the token server: what it says in one spelling, and what is wrong with it; "" when it
// can be a token, or an error as RFC 6749 describes it.
func tokenBody(response *http.Response, body []byte) (clean []byte, problem string) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, bom))
	var fields map[string]json.RawMessage
	err := json.Unmarshal(body, &fields)
	failed := lenient[string](fields["error"])
	switch {
	case response.StatusCode/100 == 3:
		return body, describeAnswer(response, nil, WithoutQueries)
	case looksLikeHTML(response.Header, body):
		return body, "answered with HTML, not a token"
	case len(body) == 0:
		return body, "answered without a body"
	case err != nil && strings.Contains(string(body), "error="):
		return body, "" // some servers use the form of a query
	case err != nil:
		return body, "answered with something that is not JSON"
	case failed == "" && fields["error"] != nil:
		return body, "answered with an error that is not of a token server"
	case failed != "":
		return body, ""
	case lenient[string](fields["access_token"]) == "":
		return body, "answered without an access_token"
	}
	token := map[string]any{"access_token": fields["access_token"], "token_type": "Bearer"}
	if seconds := secondsOf(fields["expires_in"]); seconds > 0 {
		token["expires_in"] = seconds
	}
	clean, _ = json.Marshal(token)
	return clean, ""
}

// maxTokenSeconds bounds how long a token is believed to be valid.
const maxTokenSeconds = 24 * 60 * 60

// secondsOf reads expires_in, a number or a string. It is 0 for what says nothing usable: missing, null, zero, negative
// or another type.
func secondsOf(data json.RawMessage) int {
	var number float64
	if text := lenient[string](data); text != "" {
		data = json.RawMessage(strings.TrimSpace(text))
	}
	if json.Unmarshal(data, &number) != nil || number < 1 {
		return 0
	}
	return int(min(number, maxTokenSeconds))
}

// misdirected adds what to check when another server than a token server seems to have answered.
func misdirected(problem string, status int) string {
	if status >= 500 || status == http.StatusTooManyRequests {
		return problem
	}
	return fmt.Sprintf("%s; check whether tokenUrl is right", problem)
}
