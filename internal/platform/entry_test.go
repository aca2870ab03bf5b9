package platform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	. "github.com/onsi/gomega"
)

// documentedEntry is an entry in the form that the platform documents.
func documentedEntry(i int) []byte {
	return fmt.Appendf(nil, `{"id":"e6989b43-53ab-45e2-a610-%012x","scope":"iTwin",`+
		`"scopeId":"5c9d64cf-d22f-4149-ad08-c24ff395c3a0","active":true,`+
		`"callbackUrl":"https://hooks.example.com/itwin/webhook-%05d",`+
		`"eventTypes":["iModels.iModelDeleted.v1","iModels.namedVersionCreated.v1"],`+
		`"created":"2026-03-01T12:00:00.123Z","modified":"2026-03-01T12:00:01.456Z"}`, i, i)
}

// oddEntries are documentedEntry(0) with a difference.
func oddEntries() map[string]string {
	plain := string(documentedEntry(0))
	other := func(old, changed string) string { return strings.Replace(plain, old, changed, 1) }
	return map[string]string{
		"as documented":           plain,
		"white space":             strings.NewReplacer(":", " :\n", ",", "\t, ").Replace(plain),
		"another order":           `{"modified":"2026-03-01T12:00:01.456Z",` + other(`,"modified":"2026-03-01T12:00:01.456Z"`, ``)[1:],
		"more members":            other(`{`, `{"new":{"id":["}",null]},"":7,`),
		"the id in upper case":    other("e6989b43", "E6989B43"),
		"an escape":               other("hooks.example.com", `hooks.ex\u0061mple.com`),
		"a name with an escape":   other(`"active"`, `"\u0061ctive"`),
		"text beyond ASCII":       other("hooks.example.com", "höoks.example.com"),
		"bytes that are no UTF-8": other("hooks.example.com", "\xff.example.com"),
		"a name in another case":  other(`"scopeId"`, `"ScopeID"`),
		"a name in both cases":    other(`{`, `{"SCOPEID":"x",`),
		"a name with a long s":    other(`"scope"`, `"ſcope"`),
		"a member twice":          other(`{`, `{"id":"x",`),
		"event types twice":       other(`{`, `{"eventTypes":["a","b","c"],`),
		"null for a scope":        other(`"iTwin"`, `null`),
		"null for event types":    other(`["iModels.iModelDeleted.v1","iModels.namedVersionCreated.v1"]`, `null`),
		"null for a time":         other(`"2026-03-01T12:00:00.123Z"`, `null`),
		"no event types":          other(`["iModels.iModelDeleted.v1","iModels.namedVersionCreated.v1"]`, `[]`),
		"null as an event type":   other(`"iModels.iModelDeleted.v1"`, `null`),
		"a time with a zone":      other("12:00:00.123Z", "14:00:00.123+02:00"),
		"a time without a zone":   other("12:00:00.123Z", "12:00:00.123"),
		"a time in seconds":       other(`"2026-03-01T12:00:00.123Z"`, `1772366400`),
		"no time":                 other(`"created":"2026-03-01T12:00:00.123Z",`, ``),
		"an empty callback":       other("https://hooks.example.com/itwin/webhook-00000", ""),
		"an id that is a path":    other("e6989b43-53ab-45e2-a610-000000000000", "../x"),
		"an empty id":             other("e6989b43-53ab-45e2-a610-000000000000", ""),
		"no id":                   other(`"id":"e6989b43-53ab-45e2-a610-000000000000",`, ``),
		"a number for active":     other("true", "1"),
		"a mark":                  other("webhook-00000", "webhook-00000?itwin-webhook=ABC"),
		"no object":               `["id"]`, "null": `null`, "a text": `"id"`, "an empty object": `{}`,
	}
}

// What plainEntry reads it reads as readEntry does.
func TestAnEntryHasAnyFormItIsReadTheSame(t *testing.T) {
	for name, entry := range oddEntries() {
		t.Run(name, func(t *testing.T) { expectReadTheSame(t, []byte(entry)) })
	}
}

func FuzzPlainEntry(f *testing.F) {
	for _, entry := range oddEntries() {
		f.Add([]byte(entry))
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		if json.Valid(entry) {
			expectReadTheSame(t, entry)
		}
	})
}

// expectReadTheSame reads an entry with and without plainEntry, as new and as one that was known.
func expectReadTheSame(t *testing.T, entry []byte) {
	t.Helper()
	g := NewWithT(t)
	want, problem := readEntry(entry)
	before, err := readEntry(documentedEntry(0))
	g.Expect(err).NotTo(HaveOccurred())
	for _, known := range []Known{
		nil, knowing(), knowing(before), func([]byte) (Webhook, bool) { return want, true },
	} {
		c := collector{known: known}
		got, plain := c.plainEntry(entry)
		if !plain {
			g.Expect(got).To(BeZero())
			continue
		}
		g.Expect(problem).NotTo(HaveOccurred(), "%s", entry)
		g.Expect(got).To(Equal(want), "%s", entry)
	}
}

// knowing knows some webhooks.
func knowing(webhooks ...Webhook) Known {
	all := map[string]Webhook{}
	for _, w := range webhooks {
		all[w.ID] = w
	}
	return func(id []byte) (Webhook, bool) {
		w, known := all[string(id)]
		return w, known
	}
}

func TestAnEntryIsAsDocumentedItIsReadWithoutReflection(t *testing.T) {
	_, plain := new(collector).plainEntry(documentedEntry(1))
	NewWithT(t).Expect(plain).To(BeTrue())
}

// A list that shows what is known keeps nothing new, and makes next to no garbage.
func TestAWebhookIsListedAsKnownItsTextsAreShared(t *testing.T) {
	g := NewWithT(t)
	before, err := readEntry(documentedEntry(7))
	g.Expect(err).NotTo(HaveOccurred())
	c := collector{known: knowing(before), most: maxListEntries}
	entry := documentedEntry(7)
	g.Expect(c.add(entry)).To(Succeed())
	got := c.Webhooks[0]
	g.Expect(got).To(Equal(before))
	same := func(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }
	g.Expect(same(got.ID, before.ID)).To(BeTrue())
	g.Expect(same(got.CallbackURL, before.CallbackURL)).To(BeTrue())
	g.Expect(unsafe.SliceData(got.EventTypes)).To(BeIdenticalTo(unsafe.SliceData(before.EventTypes)))

	c.Webhooks = make([]Webhook, 0, 2000)
	g.Expect(testing.AllocsPerRun(1000, func() { _ = c.add(entry) })).To(BeNumerically("<=", 2))
}

// Of a new one its id and its callback are kept, and nothing else that others have too.
func TestAWebhookIsNewWhatOthersHaveIsShared(t *testing.T) {
	g := NewWithT(t)
	c := collector{most: maxListEntries, Listing: Listing{Webhooks: make([]Webhook, 0, 2000)}}
	entries := make([][]byte, 1500)
	for i := range entries {
		entries[i] = documentedEntry(i)
	}
	g.Expect(c.add(entries[0])).To(Succeed())
	i := 0
	g.Expect(testing.AllocsPerRun(1000, func() {
		i++
		_ = c.add(entries[i])
	})).To(BeNumerically("<=", 4))
	first, last := c.Webhooks[0], c.Webhooks[1000]
	g.Expect(last.CallbackURL).NotTo(Equal(first.CallbackURL))
	g.Expect(unsafe.SliceData(last.EventTypes)).To(BeIdenticalTo(unsafe.SliceData(first.EventTypes)))
	g.Expect(unsafe.StringData(last.ScopeID)).To(BeIdenticalTo(unsafe.StringData(first.ScopeID)))
}

// BenchmarkEntry reads an entry of a list: a new one, one that is known, and one in another form than documented.
func BenchmarkEntry(b *testing.B) {
	entry := documentedEntry(7)
	before, err := readEntry(entry)
	if err != nil {
		b.Fatal(err)
	}
	odd := []byte(strings.Replace(string(entry), "2026-03-01T12:00:00.123Z", "2026-03-01T12:00:00.123", 1))
	for name, run := range map[string]struct {
		known Known
		entry []byte
	}{
		"new": {nil, entry}, "known": {knowing(before), entry}, "odd": {nil, odd},
	} {
		b.Run(name, func(b *testing.B) {
			c := collector{known: run.known, most: maxListEntries}
			b.ReportAllocs()
			for b.Loop() {
				c.Webhooks, c.entries, c.text = c.Webhooks[:0], 0, 0
				if err := c.add(run.entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
