package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// apiError is the body of a refusal of the platform. Codes and messages are those of its documentation; those it does
// not give are listed in docs/simulator.md.
type apiError struct {
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Target  string        `json:"target,omitempty"`
	Details []errorDetail `json:"details,omitempty"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
}

func (e apiError) response(status int) *response {
	return jsonResponse(status, map[string]apiError{"error": e})
}

var (
	errHeaderNotFound = apiError{
		Code:    "HeaderNotFound",
		Message: "Header Authorization was not found in the request. Access denied.",
	}
	errInvalidToken = apiError{
		Code:    "InvalidToken",
		Message: "The access token is not valid: it has expired, or was issued by another authority. Access denied.",
	}
	errInsufficientScope = apiError{
		Code:    "InsufficientScope",
		Message: "The access token does not have the scope that this operation requires. Access denied.",
	}
	errInsufficientPermissions = apiError{
		Code:    "InsufficientPermissions",
		Message: "The user has insufficient permissions for the requested operation.",
	}
	errWebhookNotFound = apiError{
		Code:    "WebhookNotFound",
		Message: "Requested webhook is not available.",
	}
	errResourceNotFound = apiError{
		Code:    "ResourceNotFound",
		Message: "There is no such resource in this version of the API.",
	}
	errMethodNotAllowed = apiError{
		Code:    "MethodNotAllowed",
		Message: "The resource does not support this method.",
	}
	errNotAcceptable = apiError{
		Code:    "NotAcceptable",
		Message: "The version of the API that the Accept header asks for does not exist.",
		Target:  "Accept",
	}
	errRequestTooLarge = apiError{
		Code:    "RequestTooLarge",
		Message: "The request body is too large.",
	}
	errRateLimitV2 = apiError{
		Code:    "RateLimitExceeded",
		Message: "The client sent more requests than allowed by this API for the current tier of the client.",
	}
	errRateLimitV1 = apiError{
		Code:    "TooManyRequests",
		Message: "More requests were received than the subscription rate-limit allows.",
	}
)

// invalidRequest is the 422 answer to an operation, for example "Update", with one detail per mistake.
func invalidRequest(operation string, details []errorDetail) *response {
	message := map[string]string{
		"Create":     "Cannot create a webhook. Make sure the request body is valid.",
		"Update":     "Cannot update a webhook. Make sure the request body is valid.",
		"Activate":   "Cannot activate webhook.",
		"Deactivate": "Cannot deactivate webhook.",
		"Confirm":    "Cannot confirm webhook callback ownership.",
	}[operation]
	return apiError{Code: "Invalid" + operation + "WebhookRequest", Message: message, Details: details}.
		response(http.StatusUnprocessableEntity)
}

// tooManyRequests is the 429 answer; wait is rounded up to whole seconds, the unit of Retry-After.
func tooManyRequests(version apiVersion, wait time.Duration) *response {
	seconds := strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	r := rateLimitError(version).response(http.StatusTooManyRequests)
	r.header.Set("Retry-After", seconds)
	r.header[headerRetryAfterSeconds] = []string{seconds}
	r.header[headerRemainingCalls] = []string{"0"}
	return r
}

func rateLimitError(version apiVersion) apiError {
	if version == v1 {
		return errRateLimitV1
	}
	return errRateLimitV2
}

// errorForStatus is how the platform itself would answer a call with that status, for faults; a status it has no body
// for looks like that of a proxy in front of it.
func errorForStatus(c *call, status int) *response {
	if c.template == tokenPath {
		return tokenErrorForStatus(status)
	}
	switch status {
	case http.StatusUnauthorized:
		return errHeaderNotFound.response(status)
	case http.StatusForbidden:
		return errInsufficientPermissions.response(status)
	case http.StatusNotFound:
		return errWebhookNotFound.response(status)
	case http.StatusUnprocessableEntity:
		return invalidRequest(c.operationName(), []errorDetail{{
			Code: detailInvalidBody, Message: "Invalid request body.", Target: "callbackUrl",
		}})
	case http.StatusTooManyRequests:
		return rateLimitError(c.version).response(status)
	}
	return htmlResponse(status)
}
