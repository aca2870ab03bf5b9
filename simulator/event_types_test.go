package simulator_test

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// typoed is what people write by mistake; it has the right shape.
const typoed = "iModels.iModelDelted.v1"

func TestEventTypesThatThePlatformDoesNotKnow(t *testing.T) {
	for name, test := range map[string]struct {
		known []string
		// types can be subscribed to and happen, and so on for those that cannot.
		types, refused []string
	}{
		"none are given → any of the right shape": {nil, []string{"iModels.iModelDeleted.v1", typoed}, nil},
		"one is given → that one": {
			[]string{"iModels.iModelDeleted.v1"}, []string{"iModels.iModelDeleted.v1"},
			[]string{typoed, "iTwins.iTwinCreated.v1", "iModels.iModelDeleted.v2", "imodels.imodeldeleted.v1"},
		},
		"the documented ones and one of tomorrow → those": {
			append(simulator.DocumentedEventTypes(), "a.b.v1"),
			[]string{"iModels.iModelDeleted.v1", "changedElements.jobCompleted.v1", "a.b.v1"}, []string{typoed, "a.c.v1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			platform, c := newSimulator(t, simulator.Options{EventTypes: test.known})
			id := c.create(callbackURL)
			for _, eventType := range test.types {
				c.create(callbackURL, `"eventTypes":["`+eventType+`"]`)
				a := c.do(http.MethodPatch, "/webhooks/"+id, `{"eventTypes":["`+eventType+`"]}`)
				g.Expect(a.status).To(Equal(http.StatusOK), a.body)
				_, err := platform.Publish(simulator.Event{EventType: eventType, ITwinID: iTwinID})
				g.Expect(err).NotTo(HaveOccurred())
			}
			for _, eventType := range test.refused {
				created := c.do(http.MethodPost, "/webhooks", createBody(callbackURL, `"eventTypes":["`+eventType+`"]`))
				updated := c.do(http.MethodPatch, "/webhooks/"+id, `{"eventTypes":["`+eventType+`"]}`)
				g.Expect(created.errorCode(t)).To(Equal("InvalidCreateWebhookRequest"))
				g.Expect(updated.errorCode(t)).To(Equal("InvalidUpdateWebhookRequest"))
				for _, a := range []answer{created, updated} {
					g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity))
					g.Expect(a.targets(t)).To(Equal([]string{"eventTypes"}))
					g.Expect(a.body).To(ContainSubstring(eventType))
				}
				_, err := platform.Publish(simulator.Event{EventType: eventType, ITwinID: iTwinID})
				g.Expect(err).To(MatchError(ContainSubstring(eventType)))
				_, err = platform.AddWebhooks([]simulator.Seed{{
					ClientID: "me", Scope: "Account", CallbackURL: callbackURL, EventTypes: []string{eventType},
				}})
				g.Expect(err).To(MatchError(ContainSubstring(eventType)))
			}
		})
	}
}

func TestKnownEventTypesOfVersion1(t *testing.T) {
	g := NewWithT(t)
	_, c := newSimulator(t, simulator.Options{EventTypes: []string{"iModels.iModelDeleted.v1", "ChangesetPushedEvent"}})
	old := c.speaking(acceptV1)
	create := func(eventType string) int {
		return old.do(http.MethodPost, "/webhooks/imodels", createBodyV1(callbackURL, `"eventTypes":["`+eventType+`"]`)).status
	}
	g.Expect(create("iModelDeletedEvent")).To(Equal(http.StatusCreated))
	g.Expect(create("ChangesetPushedEvent")).To(Equal(http.StatusCreated))
	g.Expect(create("iModelDeltedEvent")).To(Equal(http.StatusUnprocessableEntity))
	g.Expect(create("NamedVersionCreatedEvent")).To(Equal(http.StatusUnprocessableEntity))
}

func TestEventTypesOfTheOptionsHaveTheRightShape(t *testing.T) {
	for _, wrong := range []string{"", "iModelDeleted", "iModels.iModelDeleted", "*"} {
		_, err := simulator.New(simulator.Options{EventTypes: []string{"iModels.iModelDeleted.v1", wrong}})
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("event type")), "%q", wrong)
	}
}
