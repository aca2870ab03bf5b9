package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/simulator"
)

// stateful starts a simulator with a state file behind an address that stays, which the returned function restarts.
func stateful(t *testing.T, options simulator.Options) (c *client, restart func() *simulator.Simulator) {
	t.Helper()
	g := NewWithT(t)
	options.StoppedClock = options.TimeScale == 0
	options.InsecureCallbacks = true
	var current *simulator.Simulator
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.ServeHTTP(w, r) }))
	restart = func() *simulator.Simulator {
		if current != nil {
			g.Expect(current.Close()).To(Succeed())
		}
		var err error
		current, err = simulator.New(options)
		g.Expect(err).NotTo(HaveOccurred())
		options.Start = time.Time{} // from now on the file knows
		return current
	}
	t.Cleanup(func() {
		server.Close()
		g.Expect(current.Close()).To(Succeed())
	})
	restart()
	c = &client{
		t: t, apiURL: server.URL, tokenURL: server.URL + "/connect/token", accept: acceptV2,
		clientID: "tester", clientSecret: "any-secret",
	}
	c.login()
	return c, restart
}

func TestStateSurvivesRestarts(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "state.json")
	c, restart := stateful(t, simulator.Options{Start: start, StatePath: path})
	broken := newReceiver(t, respond(http.StatusBadGateway))
	first, second := c.createActive(broken.URL), c.create(callbackURL)
	list := c.do(http.MethodGet, "/webhooks", "")

	platform := restart()
	g.Expect(c.do(http.MethodGet, "/webhooks", "").body).To(Equal(list.body), "webhooks and tokens are there")
	published := publish(t, platform, deletedEvent())
	advance(t, platform, 2*time.Minute)
	g.Expect(broken.received()).To(HaveLen(2))

	platform = restart()
	g.Expect(platform.Now()).To(BeTemporally("==", start.Add(2*time.Minute)), "the clock goes on where it was")
	advance(t, platform, time.Minute)
	attempts := platform.Deliveries()
	g.Expect(attempts).To(HaveLen(1), "the queue is there; the attempts of before are not")
	g.Expect(attempts[0].Attempt).To(Equal(3))
	g.Expect(attempts[0].MessageID).To(Equal(published.MessageID))
	g.Expect(broken.received()[2]).To(Equal(broken.received()[0]))

	advance(t, platform, 72*time.Hour)
	platform = restart()
	g.Expect(active(platform)).To(Equal([]bool{false, false}))
	g.Expect([]string{platform.Webhooks()[0].ID, platform.Webhooks()[1].ID}).To(Equal([]string{first, second}))
}

func TestVersion1SurvivesRestarts(t *testing.T) {
	g := NewWithT(t)
	c, restart := stateful(t, simulator.Options{Start: start, StatePath: filepath.Join(t.TempDir(), "state.json")})
	c = c.speaking(acceptV1)
	callback := newReceiver(t, validating(respond(http.StatusOK)))
	c.createV1(callback.URL)

	advance(t, restart(), time.Second)
	g.Expect(callback.received()).To(HaveLen(1), "the callback is asked after the restart")
	platform := restart()
	g.Expect(active(platform)).To(Equal([]bool{true}))
	c.do(http.MethodPost, "/webhooks/"+platform.Webhooks()[0].ID+"/deactivate", "")
	platform = restart()
	g.Expect(active(platform)).To(Equal([]bool{true}))
	advance(t, platform, time.Second)
	g.Expect(active(platform)).To(Equal([]bool{false}), "what was accepted before is done after")
	g.Expect(callback.received()).To(HaveLen(1), "the callback is not asked again")
}

// What was answered is in the file, even if the simulator is not closed but killed.
func TestStateIsWrittenBeforeTheAnswer(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "state.json")
	c, _ := stateful(t, simulator.Options{Start: start, StatePath: path})
	id := c.create(callbackURL)

	content, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	copied := filepath.Join(t.TempDir(), "copy.json")
	g.Expect(os.WriteFile(copied, content, 0o600)).To(Succeed())
	other, err := simulator.New(simulator.Options{StatePath: copied, StoppedClock: true})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(other.Close()).To(Succeed()) }()

	g.Expect(other.Webhooks()).To(HaveLen(1))
	g.Expect(other.Webhooks()[0].ID).To(Equal(id))
}

func TestStateFileIsForItsOwnerOnly(t *testing.T) {
	g := NewWithT(t)
	directory := t.TempDir()
	path := filepath.Join(directory, "state.json")
	c, _ := stateful(t, simulator.Options{StatePath: path})
	c.create(callbackURL)

	info, err := os.Stat(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)))
	entries, err := os.ReadDir(directory)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(entries).To(HaveLen(1), "nothing temporary is left")
}

// A clock that runs has gone on while there was no simulator.
func TestTimeGoesOnWithoutASimulator(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "state.json")
	content := `{"version":1,"now":"2030-01-01T00:00:00Z","savedAt":"` + time.Now().Add(-time.Hour).Format(time.RFC3339Nano) + `"}`
	g.Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())

	platform, err := simulator.New(simulator.Options{StatePath: path})

	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(platform.Close()).To(Succeed()) }()
	g.Expect(platform.Now()).To(BeTemporally("~", time.Date(2030, time.January, 1, 1, 0, 0, 0, time.UTC), time.Minute))
}

func TestStateFileThatCannotBeUsed(t *testing.T) {
	tests := map[string]struct {
		content string
		want    string
	}{
		"no JSON":         {content: "nonsense", want: "is no state file of the simulator"},
		"another version": {content: `{"version":7}`, want: "is a state file of version 7, and not 1"},
		"a missing message": {
			content: `{"version":1,"webhooks":[{"apiVersion":2,"callbackUrl":"https://x","queue":[{"messageId":"y"}]}]}`,
			want:    "which is missing",
		},
		"a message of no type": {content: `{"version":1,"messages":[{"type":"x"}]}`, want: "has no event type"},
		"a callback of no URL": {content: `{"version":1,"webhooks":[{"apiVersion":2}]}`, want: "its callback is no URL"},
		"a version of no kind": {content: `{"version":1,"webhooks":[{"apiVersion":1}]}`, want: "it does not fit version 1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			path := filepath.Join(t.TempDir(), "state.json")
			g.Expect(os.WriteFile(path, []byte(tc.content), 0o600)).To(Succeed())

			_, err := simulator.New(simulator.Options{StatePath: path})

			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
			content, err := os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(content)).To(Equal(tc.content), "it is not overwritten")
		})
	}
	t.Run("a directory that does not exist", func(t *testing.T) {
		_, err := simulator.New(simulator.Options{StatePath: filepath.Join(t.TempDir(), "none", "state.json")})
		NewWithT(t).Expect(err).To(MatchError(os.ErrNotExist))
	})
}
