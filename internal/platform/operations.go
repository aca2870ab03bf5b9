package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxPages bounds how often _links.next is followed.
const maxPages = 1000

// Create makes a webhook, which is inactive, and returns it. There is no idempotency key: two creates make two
// webhooks, so a caller whose create failed with MayHaveHappened must look before it creates again.
func (c *Client) Create(ctx context.Context, priority Priority, r CreateRequest) (Webhook, error) {
	var w Webhook
	priority.unfinished = true
	err := c.do(ctx, operation{
		name: "create", words: "create webhook", method: http.MethodPost, url: c.base.JoinPath("webhooks"),
		priority: priority, body: r, into: &w, secret: r.Secret,
	})
	return w, err
}

// Get returns the webhook with this id; an error for which IsNotFound holds when there is none.
func (c *Client) Get(ctx context.Context, priority Priority, id string) (Webhook, error) {
	return c.one(ctx, operation{name: "get", words: "get webhook", method: http.MethodGet, priority: priority}, id)
}

// Update changes what the patch holds and returns the webhook's new state.
func (c *Client) Update(ctx context.Context, priority Priority, id string, p Patch) (Webhook, error) {
	return c.one(ctx, operation{
		name: "update", words: "update webhook", method: http.MethodPatch, priority: priority, body: p, secret: p.Secret,
	}, id)
}

// Delete removes the webhook; an error for which IsNotFound holds when there is none.
func (c *Client) Delete(ctx context.Context, priority Priority, id string) error {
	if err := checkID("delete webhook", id); err != nil {
		return err
	}
	return c.do(ctx, operation{
		name: "delete", words: "delete webhook", method: http.MethodDelete, url: c.webhookURL(id), priority: priority,
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
		return Webhook{}, op.misread(&quotedError{fmt.Errorf("the answer is about webhook %q", w.ID)})
	}
	return w, nil
}

func (c *Client) webhookURL(id string) *url.URL {
	return c.base.JoinPath("webhooks", id)
}

// maxID bounds the length of an id, in bytes. The platform's ids are UUIDs.
const maxID = 128

// ValidID reports whether id can be a webhook's: a single harmless path segment of letters, digits and hyphens.
func ValidID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func checkID(op, id string) error {
	if ValidID(id) {
		return nil
	}
	return fmt.Errorf("%s: %q is not the id of a webhook", op, Clean(id))
}

// List returns every webhook of the calling Service Application: all of them, or an error. A page for which there is no
// slot within the operator's own pace is waited for, the first one excepted. Its bounds are 60 s, 64 MiB, 100,000
// webhooks and 1,000 pages. What it shows as known shares the texts of known, which may be nil.
func (c *Client) List(ctx context.Context, known Known) (Listing, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.options.ListTimeout, &listTimeoutError{c.options.ListTimeout})
	defer cancel()
	l := &list{client: c, seen: map[string]bool{}, op: operation{
		name: "list", words: "list webhooks", method: http.MethodGet, url: c.base.JoinPath("webhooks"),
		priority: Priority{Class: listing},
	}}
	l.known = known
	account := c.share.Load().gate
	l.place.account, l.most = account, account.mostEntries()
	l.Webhooks = make([]Webhook, 0, account.kept())
	err := l.read(ctx)
	if err == nil {
		// Before the place is another list's, which looks how much is kept.
		account.keep(l.weight())
	}
	l.place.leave(err == nil && l.speed.quick())
	if err != nil {
		return Listing{}, err
	}
	return l.listing(), nil
}

// list is a list that is under way.
type list struct {
	collector
	client *Client
	op     operation
	place  place
	// seen are the pages that were read, by URL; link is where the last one says that the next one is.
	seen map[string]bool
	link string
}

// read reads the pages.
func (l *list) read(ctx context.Context) error {
	l.op.read = func(ctx context.Context, body io.Reader) (err error) {
		l.large = func() error { return l.becomeLarge(ctx) }
		l.link, err = l.readPage(body)
		return err
	}
	for len(l.seen) < maxPages {
		if err := l.page(ctx); err != nil {
			return err
		}
		l.seen[l.op.url.String()] = true
		if l.link == "" {
			return nil
		}
		next, err := l.client.nextPage(l.op.url, l.link)
		if err != nil {
			return l.op.misread(err)
		}
		if l.seen[next.String()] {
			return l.op.misread(errors.New("the next page is one that was read before"))
		}
		l.op.url = next
	}
	return l.op.misread(fmt.Errorf("more than %d pages", maxPages))
}

// becomeLarge takes the list's place among the large ones. How many entries it may have is decided once it has it: of
// many lists that began together, each would have all the room that there was.
func (l *list) becomeLarge(ctx context.Context) error {
	if l.place.taken {
		return nil
	}
	if err := l.place.take(ctx); err != nil {
		return err
	}
	l.most = l.place.account.mostEntries()
	return nil
}

// page reads one page. All but the first wait for a slot within the operator's own pace, as far as the time suffices.
func (l *list) page(ctx context.Context) error {
	for {
		l.place.busy = false
		err := l.client.do(ctx, l.op)
		if l.place.busy && (!l.place.taken || errors.Is(err, context.DeadlineExceeded)) {
			return &ThrottledError{After: largePause, InFlight: true}
		}
		pacing, own := errors.AsType[*ThrottledError](err)
		if !own || pacing.Closed || len(l.seen) == 0 {
			return err
		}
		if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) < pacing.After {
			return err
		}
		if l.client.options.Wait(ctx, pacing.After) != nil {
			return err
		}
	}
}

// listTimeoutError says that a whole list took too long.
type listTimeoutError struct{ after time.Duration }

func (e *listTimeoutError) Error() string {
	return fmt.Sprintf("the whole list took longer than %s", e.after)
}

func (e *listTimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// nextPage is where the next page is. A link that spells the host of apiUrl in another way is followed to that host;
// one to another host is not.
func (c *Client) nextPage(page *url.URL, link string) (*url.URL, error) {
	next, err := page.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("the link to the next page is no URL: %q", WithoutQueries(Clean(link)))
	}
	if hostOf(next) != hostOf(page) {
		return nil, fmt.Errorf("the next page is on another host: %q, not %q", Clean(hostOf(next)), hostOf(page))
	}
	next.Scheme, next.Host = c.base.Scheme, c.base.Host
	return next, nil
}

// hostOf is the scheme and host of a URL, in one spelling.
func hostOf(u *url.URL) string {
	if normal, ok := NormalURL(u.String()); ok {
		u = normal
	}
	return u.Scheme + "://" + u.Host
}

// misread is the error of an answer that came but cannot be used.
func (o operation) misread(cause error) error {
	failure := o.failure()
	failure.Status, failure.Cause = http.StatusOK, cause
	return failure
}
