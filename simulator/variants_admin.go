package simulator

import (
	"bytes"
	"net/http"
)

func adminVariants(s *Simulator, _ string, _ []byte) (*response, error) {
	return jsonResponse(http.StatusOK, map[string][]Variant{"variants": s.Variants()}), nil
}

// adminSetVariant switches a variant on. The body is optional for those that take no value.
func adminSetVariant(s *Simulator, name string, body []byte) (*response, error) {
	var request struct {
		Value string `json:"value"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decodeStrictly(body, &request); err != nil {
			return nil, err
		}
	}
	if err := s.setVariant(name, request.Value); err != nil {
		return nil, err
	}
	return newResponse(http.StatusNoContent), nil
}

func adminClearVariant(s *Simulator, name string, _ []byte) (*response, error) {
	if err := s.ClearVariant(name); err != nil {
		return nil, err
	}
	return newResponse(http.StatusNoContent), nil
}

func adminClearVariants(s *Simulator, _ string, _ []byte) (*response, error) {
	s.ClearVariants()
	return newResponse(http.StatusNoContent), nil
}
