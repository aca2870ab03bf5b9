package signature_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/signature"
)

func TestParseEvent(t *testing.T) {
	g := NewWithT(t)
	event, err := signature.ParseEvent([]byte(`{"content":{"imodelId":"24659f92","more":[1]},"eventType":"iModels.iModelDeleted.v1",` +
		`"iTwinId":"5c9d64cf","enqueuedDateTime":"10/12/2023 6:25:39 PM","messageId":"d0d5ae2b","webhookId":"64bf51b3"}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(event.Content)).To(Equal(`{"imodelId":"24659f92","more":[1]}`))
	event.Content = nil
	g.Expect(event).To(Equal(signature.Event{
		EventType: "iModels.iModelDeleted.v1", ITwinID: "5c9d64cf", EnqueuedDateTime: "10/12/2023 6:25:39 PM",
		MessageID: "d0d5ae2b", WebhookID: "64bf51b3",
	}))
}

func TestParseEventOfAnotherRelease(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		good bool
	}{
		"a field that is not known":     {`{"eventType":"a.b.v1","priority":{"of":1}}`, true},
		"fields that are absent":        {`{"eventType":"a.b.v1"}`, true},
		"null fields":                   {`{"eventType":"a.b.v1","content":null,"iTwinId":null}`, true},
		"a byte order mark":             {"\uFEFF" + `{"eventType":"a.b.v1"}`, true},
		"white space around":            {" \r\n" + `{"eventType":"a.b.v1"}` + "\n", true},
		"nothing":                       {"", false},
		"null":                          {"null", false},
		"a list":                        {`[{"eventType":"a.b.v1"}]`, false},
		"a text":                        {`"a.b.v1"`, false},
		"half an object":                {`{"eventType":"a.b`, false},
		"two objects":                   {`{"eventType":"a.b.v1"}{}`, false},
		"an event type that is no text": {`{"eventType":1}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			event, err := signature.ParseEvent([]byte(test.body))
			if !test.good {
				g.Expect(err).To(MatchError(HavePrefix("decode the event: ")))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(event.EventType).To(Equal("a.b.v1"))
		})
	}
}

func TestSyntheticEventsAreToldApart(t *testing.T) {
	const zero = "00000000-0000-0000-0000-000000000000"
	for name, test := range map[string]struct {
		event signature.Event
		want  bool
	}{
		"a test":                         {signature.Event{ITwinID: zero, Content: []byte(`{"synthetic":true,"note":"x"}`)}, true},
		"an iTwin":                       {signature.Event{ITwinID: "5c9d64cf", Content: []byte(`{"synthetic":true}`)}, false},
		"a content that does not say so": {signature.Event{ITwinID: zero, Content: []byte(`{"synthetic":false}`)}, false},
		"another content":                {signature.Event{ITwinID: zero, Content: []byte(`{"imodelId":"24659f92"}`)}, false},
		"a content that is no object":    {signature.Event{ITwinID: zero, Content: []byte(`[true]`)}, false},
		"no content":                     {signature.Event{ITwinID: zero}, false},
	} {
		NewWithT(t).Expect(test.event.Synthetic()).To(Equal(test.want), name)
	}
}

func TestTheKeyOfAnEventIsOfOneWebhook(t *testing.T) {
	g := NewWithT(t)
	event := signature.Event{MessageID: "d0d5ae2b", WebhookID: "64bf51b3"}
	g.Expect(event.Key()).To(Equal("64bf51b3/d0d5ae2b"))
	event.WebhookID = "e6989b43"
	g.Expect(event.Key()).To(Equal("e6989b43/d0d5ae2b"))
	event.MessageID = ""
	g.Expect(event.Key()).To(BeEmpty(), "such events cannot be told apart")
}

func TestEnqueuedTime(t *testing.T) {
	for text, want := range map[string]string{
		"10/12/2023 6:25:39 PM":        "2023-10-12T18:25:39Z",
		"1/2/2026 12:00:00 AM":         "2026-01-02T00:00:00Z",
		"01/02/2026 06:05:04 AM":       "2026-01-02T06:05:04Z",
		"12/31/2026 12:59:59 PM":       "2026-12-31T12:59:59Z",
		"12/31/2026 12:59:59\u202FPM":  "2026-12-31T12:59:59Z",
		"2026-11-21T18:25:39.123Z":     "2026-11-21T18:25:39.123Z",
		"2026-11-21T19:25:39+01:00":    "2026-11-21T18:25:39Z",
		"":                             "",
		"31/12/2026 6:25:39 PM":        "",
		"10/12/2023 18:25:39 and more": "",
	} {
		t.Run(text, func(t *testing.T) {
			g := NewWithT(t)
			got, err := signature.Event{EnqueuedDateTime: text}.EnqueuedTime()
			if want == "" {
				g.Expect(err).To(MatchError(ContainSubstring("enqueuedDateTime")))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Format(time.RFC3339Nano)).To(Equal(want))
		})
	}
}

// FuzzParseEvent: no body is a panic, and what is read of one can be asked for its time.
func FuzzParseEvent(f *testing.F) {
	f.Add(body)
	f.Add([]byte("\uFEFF{}"))
	f.Add([]byte(`{"enqueuedDateTime":"10/12/2023 6:25:39 PM"}`))
	f.Add([]byte(`{"content":`))
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := signature.ParseEvent(body)
		if err != nil && event.EventType != "" {
			t.Errorf("an event beside an error: %+v", event)
		}
		if moment, err := event.EnqueuedTime(); err == nil && moment.Location() != time.UTC {
			t.Errorf("not in UTC: %v", moment)
		}
	})
}
