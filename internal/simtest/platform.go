package simtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"time"

	"webhook-operator.io/itwin/simulator"
)

// platformURL is where the platform is; no packet ever goes there.
const platformURL = "https://platform.example.com"

// transport carries the requests of one process to the simulator.
type transport struct{ process *process }

var errPlatform = errors.New("the connection to the platform was lost")

var idInPath = regexp.MustCompile(`/[0-9a-f-]{36}$`)

func routeOf(r *http.Request) string {
	return r.Method + " " + idInPath.ReplaceAllString(r.URL.Path, "/{id}")
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	sent, err := detach(r)
	if err != nil {
		return nil, err
	}
	w := t.process.simulation
	if w.onCall != nil {
		w.onCall(routeOf(r))
	}
	err = t.process.exchange(r.Context(), exchange{
		name: routeOf(r), latency: remoteLatency, lost: errPlatform,
		effect: func() (failed error) {
			if w.failing != nil {
				if response, failed = w.failing(sent); response != nil || failed != nil { //nolint:bodyclose // the caller closes it
					return failed
				}
			}
			if response = w.carryOut(sent); response == nil { //nolint:bodyclose // the caller closes it
				return errPlatform
			}
			return nil
		},
		instead: func(said reply) (err error) {
			response, err = said.say() //nolint:bodyclose // the caller closes it
			return err
		},
	})
	if errors.Is(err, errSilence) {
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
			trace.GotConn(httptrace.GotConnInfo{})
		}
		t.process.simulation.running.sleep(within(r.Context(), time.Hour))
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// errSilence lets a call go without an answer until its time is over.
var errSilence = errors.New("no answer comes")

// detach makes a request independent of who sent it.
func detach(r *http.Request) (*http.Request, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	sent := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body)).
		WithContext(context.WithoutCancel(r.Context()))
	sent.Header = r.Header.Clone()
	return sent, nil
}

// carryOut lets the platform answer a request, and watches how many webhooks there are after it. It returns nil when a
// fault of the platform closes the connection.
func (w *simulation) carryOut(r *http.Request) (response *http.Response) {
	defer func() {
		if aborted := recover(); aborted != nil &&
			aborted != http.ErrAbortHandler { //nolint:errorlint // it is a panic's value
			panic(aborted)
		}
		all := w.platform.Webhooks()
		w.most = max(w.most, len(all)-len(w.foreignWebhooks))
		w.remoteHistory.note(all)
	}()
	serve := func(r *http.Request) *http.Response {
		recorder := httptest.NewRecorder()
		r.Header.Set("Accept-Encoding", "gzip")
		w.platform.ServeHTTP(recorder, r)
		return decompressed(recorder.Result())
	}
	if w.platformProxy != nil {
		return w.platformProxy(r, serve)
	}
	return serve(r)
}

// decompressed is an answer as http.Transport hands it on.
func decompressed(r *http.Response) *http.Response {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return r
	}
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = body
	return r
}

// ask sends a request as another client with the same credentials.
func (w *simulation) ask(method, path string, body any) (answer map[string]any) {
	return w.askAs(crashClientID, method, path, body)
}

// askAs sends a request as another client of a service application.
func (w *simulation) askAs(clientID, method, path string, body any) (answer map[string]any) {
	data, err := json.Marshal(body)
	w.must(err)
	r := httptest.NewRequestWithContext(context.Background(), method, platformURL+path, bytes.NewReader(data))
	r.Header.Set("Accept", "application/vnd.bentley.itwin-platform.v2+json")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token(clientID))
	recorder := httptest.NewRecorder()
	w.platform.ServeHTTP(recorder, r)
	if recorder.Body.Len() > 0 {
		w.must(json.Unmarshal(recorder.Body.Bytes(), &answer))
	}
	return answer
}

func (w *simulation) token(clientID string) string {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {"pair"},
	}
	r := httptest.NewRequestWithContext(
		context.Background(),
		http.MethodPost,
		platformURL+"/connect/token",
		strings.NewReader(form.Encode()),
	)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	w.platform.ServeHTTP(recorder, r)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	w.must(json.Unmarshal(recorder.Body.Bytes(), &answer))
	return answer.AccessToken
}

// createRemote makes a webhook on the platform by hand and returns its id.
func (w *simulation) createRemote(callbackURL string, eventTypes ...string) string {
	created := w.ask(http.MethodPost, "/webhooks", map[string]any{
		"callbackUrl": callbackURL, "scope": "iTwin", "scopeId": crashITwin, "eventTypes": eventTypes,
	})
	return created["id"].(string)
}

// remotes are the webhooks of the platform that are not foreignWebhooks.
func (w *simulation) remotes() (found []simulator.Webhook) {
	for _, webhook := range w.platform.Webhooks() {
		if _, foreign := w.foreignWebhooks[webhook.ID]; !foreign {
			found = append(found, webhook)
		}
	}
	return found
}

// reply is what a proxy between the operator and the platform answers in its place.
type reply struct {
	name string
	say  func() (*http.Response, error)
}

// page is a reply that is not the platform's.
func page(name string, status int, body string) reply {
	return reply{name, func() (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"text/html"}},
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}}
}
