package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// adminPrefix is where the simulator is administered. No authentication is asked for there, and nothing is counted.
const adminPrefix = "/simulator/"

// adminEndpoint is one method of one path under adminPrefix; {id} in the path stands for the id of a webhook, {name}
// for the name of a variant.
type adminEndpoint struct {
	method, template string
	handle           func(s *Simulator, id string, body []byte) (*response, error)
}

func adminEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{http.MethodGet, "/simulator/requests", adminRequests},
		{http.MethodPost, "/simulator/requests/reset", adminResetRequests},
		{http.MethodGet, "/simulator/webhooks", adminWebhooks},
		{http.MethodPost, "/simulator/webhooks", adminAddWebhooks},
		{http.MethodPost, "/simulator/webhooks/{id}/deactivate", adminDeactivate},
		{http.MethodPost, "/simulator/events", adminPublish},
		{http.MethodGet, "/simulator/deliveries", adminDeliveries},
		{http.MethodGet, "/simulator/clock", adminClock},
		{http.MethodPost, "/simulator/clock/advance", adminAdvance},
		{http.MethodGet, "/simulator/faults", adminFaults},
		{http.MethodPost, "/simulator/faults", adminAddFault},
		{http.MethodDelete, "/simulator/faults", adminClearFaults},
		{http.MethodGet, "/simulator/variants", adminVariants},
		{http.MethodPut, "/simulator/variants/{name}", adminSetVariant},
		{http.MethodDelete, "/simulator/variants/{name}", adminClearVariant},
		{http.MethodDelete, "/simulator/variants", adminClearVariants},
		{http.MethodPost, "/simulator/reset", adminReset},
	}
}

// administer answers an admin request. What is wrong with one is said in the body of a 400.
// The endpoints are those of its path, if there are any.
func (s *Simulator) administer(r *http.Request, endpoints []adminEndpoint) *response {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(body) > maxBody {
		return errRequestTooLarge.response(http.StatusRequestEntityTooLarge)
	}
	endpoint, refused := chooseAdminEndpoint(r.Method, endpoints)
	if refused != nil {
		return refused
	}
	id := cmp.Or(r.PathValue("id"), r.PathValue("name"))
	answer, err := endpoint.handle(s, id, body)
	switch {
	case errors.Is(err, ErrNotFound):
		return apiError{Code: "NotFound", Message: err.Error(), Target: id}.response(http.StatusNotFound)
	case errors.Is(err, ErrQueueFull):
		return apiError{Code: "QueueFull", Message: err.Error()}.response(http.StatusServiceUnavailable)
	case err != nil:
		return apiError{Code: "InvalidRequest", Message: err.Error()}.response(http.StatusBadRequest)
	}
	return answer
}

// chooseAdminEndpoint returns the endpoint with a method, or the refusal of a request for which there is none.
func chooseAdminEndpoint(method string, endpoints []adminEndpoint) (adminEndpoint, *response) {
	if len(endpoints) == 0 {
		return adminEndpoint{}, errResourceNotFound.response(http.StatusNotFound)
	}
	allowed := make([]string, 0, len(endpoints))
	for _, e := range endpoints {
		if e.method == method {
			return e, nil
		}
		allowed = append(allowed, e.method)
	}
	refused := errMethodNotAllowed.response(http.StatusMethodNotAllowed)
	refused.header.Set("Allow", strings.Join(allowed, ", "))
	return adminEndpoint{}, refused
}

// decodeStrictly reads a JSON object that must have no other properties than the target.
func decodeStrictly(body []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return fmt.Errorf("the request body is not as expected: %w", err)
	}
	if decoder.More() {
		return errors.New("the request body is not as expected: it must be one JSON object")
	}
	return nil
}

func adminRequests(s *Simulator, _ string, _ []byte) (*response, error) {
	return jsonResponse(http.StatusOK, s.Requests()), nil
}

func adminResetRequests(s *Simulator, _ string, _ []byte) (*response, error) {
	s.ResetRequests()
	return newResponse(http.StatusNoContent), nil
}

func adminWebhooks(s *Simulator, _ string, _ []byte) (*response, error) {
	return jsonResponse(http.StatusOK, map[string][]Webhook{"webhooks": s.Webhooks()}), nil
}

func adminAddWebhooks(s *Simulator, _ string, body []byte) (*response, error) {
	var request struct {
		Webhooks []Seed `json:"webhooks"`
	}
	if err := decodeStrictly(body, &request); err != nil {
		return nil, err
	}
	added, err := s.AddWebhooks(request.Webhooks)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusCreated, map[string][]Webhook{"webhooks": added}), nil
}

func adminDeactivate(s *Simulator, id string, _ []byte) (*response, error) {
	w, err := s.Deactivate(id)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusOK, w), nil
}

func adminPublish(s *Simulator, _ string, body []byte) (*response, error) {
	var e Event
	if err := decodeStrictly(body, &e); err != nil {
		return nil, err
	}
	published, err := s.Publish(e)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusAccepted, published), nil
}

func adminDeliveries(s *Simulator, _ string, _ []byte) (*response, error) {
	return jsonResponse(http.StatusOK, map[string][]Attempt{"deliveries": s.Deliveries()}), nil
}

func adminClock(s *Simulator, _ string, _ []byte) (*response, error) {
	return jsonResponse(http.StatusOK, map[string]any{"now": Timestamp{s.Now()}, "timeScale": s.clock.scale}), nil
}

func adminAdvance(s *Simulator, _ string, body []byte) (*response, error) {
	var request struct {
		Duration *string `json:"duration"`
	}
	if err := decodeStrictly(body, &request); err != nil {
		return nil, err
	}
	if request.Duration == nil {
		return nil, errors.New(`duration is required, for example "72h"`)
	}
	d, err := time.ParseDuration(*request.Duration)
	if err != nil {
		return nil, fmt.Errorf(`duration must be like "90s", "5m" or "72h": %w`, err)
	}
	now, err := s.Advance(d)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusOK, map[string]Timestamp{"now": {now}}), nil
}

func adminFaults(s *Simulator, _ string, _ []byte) (*response, error) {
	return jsonResponse(http.StatusOK, map[string][]Fault{"faults": s.Faults()}), nil
}

func adminAddFault(s *Simulator, _ string, body []byte) (*response, error) {
	f := Fault{Times: 1}
	if err := decodeStrictly(body, &f); err != nil {
		return nil, err
	}
	if err := s.AddFault(f); err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusCreated, f), nil
}

func adminClearFaults(s *Simulator, _ string, _ []byte) (*response, error) {
	s.ClearFaults()
	return newResponse(http.StatusNoContent), nil
}

func adminReset(s *Simulator, _ string, _ []byte) (*response, error) {
	s.Reset()
	return newResponse(http.StatusNoContent), nil
}
