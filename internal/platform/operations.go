package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxPages bounds how often _links.next is followed.
const maxPages = 1000

// Create makes a webhook, which is inactive, and returns it. There is no idempotency key: two creates make two
// webhooks, so a caller whose create failed with MayHaveHappened must look before it creates again.
func (c *Client) Create(ctx context.Context, r CreateRequest) (Webhook, error) {
	var w Webhook
	err := c.do(ctx, operation{
		name: "create", words: "create webhook", method: http.MethodPost, url: c.base.JoinPath("webhooks"),
		body: r, into: &w, secret: r.Secret,
	})
	return w, err
}

// Get returns the webhook with this id; an error for which IsNotFound holds when there is none.
func (c *Client) Get(ctx context.Context, id string) (Webhook, error) {
	return c.one(ctx, operation{name: "get", words: "get webhook", method: http.MethodGet}, id)
}

// Update changes what the patch holds and returns the webhook's new state.
func (c *Client) Update(ctx context.Context, id string, p Patch) (Webhook, error) {
	return c.one(ctx, operation{
		name: "update", words: "update webhook", method: http.MethodPatch, body: p, secret: p.Secret,
	}, id)
}

// Delete removes the webhook; an error for which IsNotFound holds when there is none.
func (c *Client) Delete(ctx context.Context, id string) error {
	if err := checkID("delete webhook", id); err != nil {
		return err
	}
	return c.do(ctx, operation{
		name: "delete", words: "delete webhook", method: http.MethodDelete, url: c.webhookURL(id),
	})
}

// one is an operation on one webhook that answers with its state.
func (c *Client) one(ctx context.Context, op operation, id string) (Webhook, error) {
	if err := checkID(op.words, id); err != nil {
		return Webhook{}, err
	}
	var w Webhook
	op.url, op.into = c.webhookURL(id), &w
	if err := c.do(ctx, op); err != nil {
		return Webhook{}, err
	}
	if !SameID(w.ID, id) {
		return Webhook{}, op.misread(fmt.Errorf("the answer is about webhook %q", w.ID))
	}
	return w, nil
}

func (c *Client) webhookURL(id string) *url.URL {
	return c.base.JoinPath("webhooks", id)
}

var idShape = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`)

// ValidID tells whether id can be a webhook's: a single harmless path segment. The platform's are UUIDs.
func ValidID(id string) bool { return idShape.MatchString(id) }

func checkID(op, id string) error {
	if ValidID(id) {
		return nil
	}
	return fmt.Errorf("%s: %q is not the id of a webhook", op, clean(id))
}

// page is one answer of a list. Paging is not documented; _links.next is how other iTwin APIs do it.
type page struct {
	webhooks []Webhook
	next     string
}

// UnmarshalJSON refuses a page without the list itself: an empty list must be said, not guessed.
func (p *page) UnmarshalJSON(data []byte) error {
	var wire struct {
		Webhooks *[]Webhook `json:"webhooks"`
		Links    struct {
			Next *struct {
				Href string `json:"href"`
			} `json:"next"`
		} `json:"_links"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	if wire.Webhooks == nil {
		return errors.New("no webhooks in it")
	}
	p.webhooks, p.next = *wire.Webhooks, ""
	if wire.Links.Next != nil {
		p.next = wire.Links.Next.Href
	}
	return nil
}

// List returns every webhook of the calling Service Application: all of them, or an error.
func (c *Client) List(ctx context.Context) ([]Webhook, error) {
	var all []Webhook
	op := operation{
		name: "list", words: "list webhooks", method: http.MethodGet, url: c.base.JoinPath("webhooks"),
	}
	ctx = WithTurn(ctx, Turn{Lane: listing})
	seen := map[string]bool{}
	for range maxPages {
		seen[op.url.String()] = true
		var p page
		op.into = &p
		if err := c.do(ctx, op); err != nil {
			return nil, err
		}
		all = append(all, p.webhooks...)
		if p.next == "" {
			return all, nil
		}
		next, err := c.nextPage(op.url, p.next)
		if err != nil {
			return nil, op.misread(err)
		}
		if seen[next.String()] {
			return nil, op.misread(errors.New("the next page is one that was read before"))
		}
		op.url = next
	}
	return nil, op.misread(fmt.Errorf("more than %d pages", maxPages))
}

// nextPage is where the next page is. A link that spells the host of apiUrl in another way is followed to that host;
// one to another host is not.
func (c *Client) nextPage(page *url.URL, link string) (*url.URL, error) {
	next, err := page.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("the link to the next page is no URL: %q", clean(link))
	}
	if hostOf(next) != hostOf(page) {
		return nil, fmt.Errorf("the next page is on another host: %q, not %q", clean(hostOf(next)), hostOf(page))
	}
	next.Scheme, next.Host = c.base.Scheme, c.base.Host
	return next, nil
}

// hostOf is the scheme and host of a URL, in lower case and without the scheme's default port.
func hostOf(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	defaults := map[string]string{"https": ":443", "http": ":80"}
	return scheme + "://" + strings.TrimSuffix(host, defaults[scheme])
}

// misread is the error of an answer that came but cannot be used.
func (o operation) misread(cause error) error {
	failure := o.failure()
	failure.Status, failure.Cause = http.StatusOK, cause
	return failure
}
