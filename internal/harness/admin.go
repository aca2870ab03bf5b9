package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"webhook-operator.io/itwin/simulator"
)

// Admin is a client of a simulator's administration.
type Admin struct {
	// URL is the simulator's.
	URL string
}

// Requests are the calls to the platform since the last reset.
func (a *Admin) Requests(ctx context.Context) (counts simulator.RequestCounts, err error) {
	return counts, a.call(ctx, http.MethodGet, "/simulator/requests", nil, &counts)
}

// ResetRequests begins to count again from zero.
func (a *Admin) ResetRequests(ctx context.Context) error {
	return a.call(ctx, http.MethodPost, "/simulator/requests/reset", nil, nil)
}

// Webhooks are all remote webhooks, oldest first.
func (a *Admin) Webhooks(ctx context.Context) ([]simulator.Webhook, error) {
	var body struct{ Webhooks []simulator.Webhook }
	err := a.call(ctx, http.MethodGet, "/simulator/webhooks", nil, &body)
	return body.Webhooks, err
}

// AddWebhooks makes remote webhooks without calls, and returns them in the same order. A request takes some 2,000.
func (a *Admin) AddWebhooks(ctx context.Context, seeds []simulator.Seed) ([]simulator.Webhook, error) {
	var body struct{ Webhooks []simulator.Webhook }
	err := a.call(ctx, http.MethodPost, "/simulator/webhooks", map[string]any{"webhooks": seeds}, &body)
	return body.Webhooks, err
}

// Deactivate turns a webhook off as the platform does after failed deliveries.
func (a *Admin) Deactivate(ctx context.Context, id string) error {
	return a.call(ctx, http.MethodPost, "/simulator/webhooks/"+id+"/deactivate", nil, nil)
}

// Publish makes an event happen on the platform.
func (a *Admin) Publish(ctx context.Context, event simulator.Event) (published simulator.Published, err error) {
	return published, a.call(ctx, http.MethodPost, "/simulator/events", event, &published)
}

// Deliveries are the attempts to deliver events, oldest first.
func (a *Admin) Deliveries(ctx context.Context) ([]simulator.Attempt, error) {
	var body struct{ Deliveries []simulator.Attempt }
	err := a.call(ctx, http.MethodGet, "/simulator/deliveries", nil, &body)
	return body.Deliveries, err
}

// Advance lets virtual time pass. All that is due in it has happened when it returns.
func (a *Admin) Advance(ctx context.Context, d time.Duration) error {
	return a.call(ctx, http.MethodPost, "/simulator/clock/advance", map[string]string{"duration": d.String()}, nil)
}

// Fault makes calls go wrong.
func (a *Admin) Fault(ctx context.Context, fault simulator.Fault) error {
	return a.call(ctx, http.MethodPost, "/simulator/faults", fault, nil)
}

// Faults are those that are set, each with the times it has left.
func (a *Admin) Faults(ctx context.Context) ([]simulator.Fault, error) {
	var body struct{ Faults []simulator.Fault }
	err := a.call(ctx, http.MethodGet, "/simulator/faults", nil, &body)
	return body.Faults, err
}

// ClearFaults ends all faults.
func (a *Admin) ClearFaults(ctx context.Context) error {
	return a.call(ctx, http.MethodDelete, "/simulator/faults", nil, nil)
}

func (a *Admin) call(ctx context.Context, method, path string, body, into any) error {
	var encoded io.Reader = http.NoBody
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		encoded = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.URL+path, encoded)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}
