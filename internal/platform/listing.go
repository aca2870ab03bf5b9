package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fastjson"
)

const (
	// maxListBytes bounds what is read of a whole list, decompressed, all pages together; 10,000 webhooks are about 5 MiB.
	maxListBytes = 64 << 20
	// maxListEntries bounds the entries of a whole list.
	maxListEntries = 100_000
	// maxListText bounds the text that is kept of a whole list: what many webhooks have in common counts once.
	maxListText = 16 << 20
	// maxListValue bounds each value of a list, such as one webhook, and so what is held of a page at a time.
	maxListValue = 1 << 20
	// maxIssues bounds the issues that are described; the others are counted.
	maxIssues = 10
)

// Listing is what a list said, all pages together.
type Listing struct {
	// Webhooks are those whose description could be read.
	Webhooks []Webhook
	// Unreadable are the webhooks that exist although not all of their description could be read. They have an ID; of the
	// rest what could be read is set, and nothing says what is missing.
	Unreadable []Webhook
	// Issues name the entries that could not be read, and why. There are at most 11, of bounded length.
	Issues []string
	// Incomplete is true when an entry had no id that could be read: the list does not prove that a webhook is absent.
	Incomplete bool
}

// collector builds a Listing within its bounds.
type collector struct {
	Listing
	entries, omitted int
	// most is how many entries there may be.
	most  int
	bytes int64
	text  int
	texts map[string]struct{}
	// known is what was known before the list; nil when nothing was. parser reads entries, one after the other, and scope,
	// scopeID and eventTypes are those of the last one.
	known          Known
	parser         fastjson.Parser
	scope, scopeID latest
	eventTypes     []string
	// large takes the list's place among the large lists, once it is one, and speed is how quickly it comes from then on.
	large func() error
	speed speed
}

// listing is what was collected.
func (c *collector) listing() Listing {
	if c.omitted > 0 {
		c.Issues = append(c.Issues, fmt.Sprintf("and %d more", c.omitted))
	}
	if c.Webhooks == nil {
		c.Webhooks = []Webhook{}
	}
	return c.Listing
}

// add takes over one entry. It returns an error when the list outgrows its bounds.
func (c *collector) add(data []byte) error {
	index := c.entries
	switch c.entries++; {
	case c.entries > maxListEntries:
		return fmt.Errorf("the list has more than %d webhooks", maxListEntries)
	case c.entries > c.most:
		return fmt.Errorf("the list has more than %d webhooks, and there is no room for more beside those of other accounts",
			c.most)
	}
	w, plain := c.plainEntry(data)
	var problem error
	if !plain {
		w, problem = readEntry(data)
	}
	if problem != nil {
		c.note(index, w.ID, problem)
	}
	switch {
	case problem == nil:
		c.Webhooks = append(c.Webhooks, w)
	case w.ID == "":
		c.Incomplete = true
	default:
		c.Unreadable = append(c.Unreadable, w)
	}
	return c.keep(w)
}

// keep counts the text of a webhook.
func (c *collector) keep(w Webhook) error {
	const header = 16 // bytes of a string without its text
	c.text += len(w.ID) + len(w.CallbackURL) + len(w.Mark) + header*len(w.EventTypes)
	c.keepOnce(w.Scope)
	c.keepOnce(w.ScopeID)
	for _, text := range w.EventTypes {
		c.keepOnce(text)
	}
	switch {
	case c.text > maxListText:
		return fmt.Errorf("the webhooks of the list hold more than %d MiB of text", maxListText>>20)
	case c.text > c.most*entryText:
		return fmt.Errorf("the webhooks of the list hold more than %d KiB of text, and there is no room for more beside "+
			"those of other accounts", c.most*entryText>>10)
	}
	return nil
}

// keepOnce counts a text that many webhooks have.
func (c *collector) keepOnce(text string) {
	const header = 16 // as in keep, here of a map's key and of its slot
	if _, counted := c.texts[text]; counted {
		return
	}
	if c.texts == nil {
		c.texts = map[string]struct{}{}
	}
	c.texts[text] = struct{}{}
	c.text += len(text) + 2*header
}

// weight is what is kept of the list, in entries.
func (c *collector) weight() int { return max(len(c.Webhooks)+len(c.Unreadable), c.text/entryText) }

func (c *collector) note(index int, id string, problem error) {
	if len(c.Issues) == maxIssues {
		c.omitted++
		return
	}
	name := "no readable id"
	if id != "" {
		name = fmt.Sprintf("id %q", id)
	}
	c.Issues = append(c.Issues, cut(fmt.Sprintf("webhooks[%d] (%s): %s", index, name, problem), maxIssueText))
}

// maxIssueText bounds the text of one issue, in bytes.
const maxIssueText = 256

// readPage adds one page of a list, and returns the link to the next one; "" when there is none. Only a page with
// "webhooks" is one: an empty list must be said, as [] or null. Paging is not documented; _links.next is how other
// iTwin APIs do it. Values are read one by one, so that a page is never held whole.
func (c *collector) readPage(body io.Reader) (next string, err error) {
	meter := &meter{reader: body, collector: c}
	p := pageReader{meter: meter, decoder: json.NewDecoder(meter), collector: c}
	if err := p.read(); err != nil {
		return "", err
	}
	if !p.listed {
		if p.failure != "" {
			return "", fmt.Errorf("answered with an error, not a list: %s", p.failure)
		}
		return "", errors.New("no webhooks in it")
	}
	return p.next, nil
}

// pageReader reads a page value by value.
type pageReader struct {
	meter     *meter
	decoder   *json.Decoder
	collector *collector

	listed  bool
	next    string
	failure string
}

func (p *pageReader) read() error {
	if err := p.expect(json.Delim('{')); err != nil {
		return err
	}
	for p.decoder.More() {
		p.meter.refill()
		key, err := p.decoder.Token()
		if err != nil {
			return err
		}
		if err := p.value(key); err != nil {
			return err
		}
		p.meter.refill()
	}
	if err := p.expect(json.Delim('}')); err != nil {
		return err
	}
	if _, err := p.decoder.Token(); !errors.Is(err, io.EOF) {
		return undocumented(errors.New("there is more after the list"))
	}
	return nil
}

func (p *pageReader) value(key any) error {
	if key == "webhooks" {
		p.listed = true
		return p.entries()
	}
	var value json.RawMessage
	if err := p.decode(&value); err != nil {
		return err
	}
	switch key {
	case "_links":
		return p.links(value)
	case "error":
		p.failure = saidIn(fmt.Appendf(nil, `{"error":%s}`, value))
	}
	return nil
}

func (p *pageReader) links(value json.RawMessage) error {
	var links struct {
		Next *struct {
			Href string `json:"href"`
		} `json:"next"`
	}
	if err := json.Unmarshal(value, &links); err != nil {
		return undocumented(fmt.Errorf("_links: %w", err))
	}
	if links.Next != nil {
		p.next = links.Next.Href
	}
	return nil
}

// entries reads the list itself.
func (p *pageReader) entries() error {
	token, err := p.decoder.Token()
	switch {
	case err != nil:
		return err
	case token == nil:
		return nil
	case token != json.Delim('['):
		return undocumented(errors.New("webhooks is not a list"))
	}
	var entry json.RawMessage // one for all: what is kept of an entry are copies
	for p.decoder.More() {
		if err := p.decode(&entry); err != nil {
			return err
		}
		if err := p.collector.add(entry); err != nil {
			return err
		}
	}
	return p.expect(json.Delim(']'))
}

// decode reads one value.
func (p *pageReader) decode(into *json.RawMessage) error {
	p.meter.refill()
	return p.decoder.Decode(into)
}

func (p *pageReader) expect(want json.Delim) error {
	p.meter.refill()
	token, err := p.decoder.Token()
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case token != want:
		return undocumented(errors.New("it is not an object with webhooks"))
	}
	return nil
}

// meter counts what is read of a list, and bounds each value.
type meter struct {
	reader    io.Reader
	collector *collector
	// left is how much may be read of the current value.
	left int
}

// refill is called before each value.
func (m *meter) refill() { m.left = maxListValue }

// Read implements io.Reader. What it counts is decompressed.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, fmt.Errorf("a value in the list is larger than %d MiB", maxListValue>>20)
	}
	began := time.Now()
	n, err := m.reader.Read(p[:min(len(p), m.left)])
	waited := time.Since(began)
	m.left -= n
	c := m.collector
	if c.bytes += int64(n); c.bytes > maxListBytes {
		return 0, fmt.Errorf("the list is larger than %d MiB", maxListBytes>>20)
	}
	if c.bytes > largeList || c.entries > largeEntries {
		if err := c.large(); err != nil {
			return 0, err
		}
		if err := c.speed.add(n, waited); err != nil {
			return 0, err
		}
	}
	return n, err
}

// bom is the byte order mark of UTF-8, which some servers put before JSON.
var bom = []byte("\xef\xbb\xbf")

// looksLikeHTML reports whether an answer is a page for people.
func looksLikeHTML(h http.Header, start []byte) bool {
	start = bytes.TrimSpace(bytes.TrimPrefix(start, bom))
	declared := strings.Contains(strings.ToLower(h.Get("Content-Type")), "html") && len(start) > 0
	return bytes.HasPrefix(start, []byte("<")) || declared && !bytes.HasPrefix(start, []byte("{"))
}
