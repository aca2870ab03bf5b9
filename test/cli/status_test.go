package cli

import (
	"encoding/json"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/cli/status"
)

func (s *scene) rows(args ...string) (rows []status.Row) {
	s.Helper()
	var list struct{ Items []status.Row }
	s.Must(json.Unmarshal([]byte(s.succeeds(s.itwin(append([]string{"status", "-o", "json"}, args...)...))), &list))
	return list.Items
}

func TestStatusSaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	s := newConnectedScene(t)
	s.ready("good")
	s.ready("off", onRequest)
	s.Create(s.webhook("suspended", suspended))
	s.becomes("suspended", "Suspended", "Suspended")
	s.deactivated("off")

	rows := s.rows()
	s.Expect(rows).To(HaveLen(3))
	good, off, paused := rows[0], rows[1], rows[2]
	s.Expect(good.Name).To(Equal("good"))
	s.Expect(good.NextStep).To(Equal("InSync"))
	s.Expect(good.Commands).To(BeEmpty())
	s.Expect(good.Ready).To(Equal("True"))
	s.Expect(good.Active).To(HaveValue(BeTrue()))
	s.Expect(good.OffSince).To(BeNil())
	s.Expect(good.Connection).To(Equal("connection/default"))
	s.Expect(good.CallbackHost).To(Equal("hooks.example.com"))
	s.Expect(good.WebhookID).To(Equal(s.read("good").Status.WebhookID))

	s.Expect(off.Ready).To(Equal("False"))
	s.Expect(off.Reason).To(Equal("Deactivated"))
	s.Expect(off.Active).To(HaveValue(BeFalse()))
	s.Expect(off.OffSince.UTC()).To(BeTemporally("==", s.read("off").Status.LastDeactivationTime.UTC()))
	s.Expect(off.NextStep).To(ContainSubstring("kubectl itwin reactivate off -n " + s.Namespace))
	s.Expect(off.Commands).To(ContainElement("kubectl itwin reactivate off -n " + s.Namespace + " --wait"))

	s.Expect(paused.NextStep).To(ContainSubstring("suspend: false"))
	s.Expect(paused.Active).To(BeNil())
}

func TestStatusHasEveryFormat(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Create(s.webhook("first"))
	s.Create(s.webhook("second"))
	s.becomes("first", "Ready", "ConnectionNotFound")
	s.becomes("second", "Ready", "ConnectionNotFound")

	table := strings.Split(strings.TrimSpace(s.succeeds(s.kubectl("itwin", "status"))), "\n")
	s.Expect(table).To(HaveLen(3))
	s.Expect(table[0]).To(MatchRegexp(`^NAME +CONNECTION +READY +REASON +ACTIVE +OFF SINCE +CALLBACK HOST +NEXT STEP$`))
	s.Expect(table[1]).To(MatchRegexp(`^first +connection/default +False +ConnectionNotFound +hooks.example.com +Create connection/default, or`))
	s.Expect(table[1]).NotTo(ContainSubstring("\x1b"))

	wide := s.succeeds(s.itwin("status", "-o", "wide"))
	s.Expect(wide).To(MatchRegexp(`NEXT STEP +WEBHOOK ID +MESSAGE\n`))
	s.Expect(wide).To(ContainSubstring("There is no Connection"))

	var list struct{ Items []status.Row }
	s.Must(yaml.Unmarshal([]byte(s.succeeds(s.itwin("status", "-o", "yaml"))), &list))
	s.Expect(list.Items).To(Equal(s.rows()))
	s.Expect(s.succeeds(s.itwin("status", "-o", "name"))).To(Equal(
		"webhook.itwin.webhook-operator.io/first\nwebhook.itwin.webhook-operator.io/second\n"))
}

func TestStatusSelects(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, name := range []string{"a", "b"} {
		w := s.webhook(name)
		w.Labels = map[string]string{"letter": name, "scene": s.Namespace}
		s.Create(w)
	}
	s.Expect(s.rows("b")).To(HaveLen(1))
	s.Expect(s.rows("-l", "letter=a")).To(HaveLen(1))
	s.Expect(s.rows("-A", "-l", "scene="+s.Namespace)).To(HaveLen(2))
	s.Expect(s.succeeds(s.itwin("status", "-A", "-l", "scene="+s.Namespace))).To(MatchRegexp(`^NAMESPACE +NAME `))
	s.Expect(s.rows("-l", "letter=c")).To(BeEmpty())

	missing := s.itwin("status", "b", "c")
	s.Expect(s.fails(missing)).To(ContainSubstring(`there is no Webhook "c" in namespace "` + s.Namespace + `"`))
	s.Expect(missing.out).To(ContainSubstring("\nb "))
	s.Expect(s.fails(s.itwin("status", "a", "-A"))).To(ContainSubstring("exclude each other"))
	s.Expect(s.fails(s.itwin("status", "-l", "a b"))).To(ContainSubstring("--selector"))

	none := s.itwin("status", "-l", "letter=c")
	s.Expect(s.succeeds(none)).To(BeEmpty())
	s.Expect(none.problems).To(Equal("No Webhooks found in namespace \"" + s.Namespace + "\"; -A shows those of all namespaces.\n"))
}
