package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"
)

// reviews answers as an API server does that knows the tokens "reader" and "stranger", and one that it fails for.
func reviews(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/apis/authentication.k8s.io/v1/tokenreviews":
		var review authenticationv1.TokenReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		user := review.Spec.Token
		review.Status.Authenticated = user != "unknown"
		review.Status.User = authenticationv1.UserInfo{
			Username: user, UID: "uid", Groups: []string{"group"}, Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}},
		}
		if user == "nameless" {
			review.Status.User = authenticationv1.UserInfo{}
		}
		if user == "unlucky" {
			w.WriteHeader(http.StatusForbidden)
		}
		_ = json.NewEncoder(w).Encode(review)
	case "/apis/authorization.k8s.io/v1/subjectaccessreviews":
		var review authorizationv1.SubjectAccessReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		s := review.Spec
		complete := s.UID == "uid" && len(s.Groups) == 1 && len(s.Extra["k"]) == 1 && s.ResourceAttributes == nil
		review.Status.Allowed = complete && s.User != "stranger" && s.NonResourceAttributes.Path == "/metrics" &&
			s.NonResourceAttributes.Verb == "get"
		review.Status.Denied = s.User == "denied"
		if s.User == "ill-fated" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_ = json.NewEncoder(w).Encode(review)
	}
}

func TestGuard(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(reviews))
	defer api.Close()
	for name, c := range map[string]struct {
		method, path, authorization string
		status                      int
	}{
		"a reader":                       {"GET", "/metrics", "Bearer reader", http.StatusOK},
		"another spelling of the scheme": {"GET", "/metrics", "bearer  reader ", http.StatusOK},
		"nobody":                         {"GET", "/metrics", "", http.StatusUnauthorized},
		"an empty token":                 {"GET", "/metrics", "Bearer ", http.StatusUnauthorized},
		"another scheme":                 {"GET", "/metrics", "Basic reader", http.StatusUnauthorized},
		"a token without a scheme":       {"GET", "/metrics", "reader", http.StatusUnauthorized},
		"an unknown token":               {"GET", "/metrics", "Bearer unknown", http.StatusUnauthorized},
		"a token of nobody":              {"GET", "/metrics", "Bearer nameless", http.StatusInternalServerError},
		"a stranger":                     {"GET", "/metrics", "Bearer stranger", http.StatusForbidden},
		"somebody who is denied":         {"GET", "/metrics", "Bearer denied", http.StatusForbidden},
		"another path":                   {"GET", "/debug", "Bearer reader", http.StatusForbidden},
		"another verb":                   {"POST", "/metrics", "Bearer reader", http.StatusForbidden},
		"no answer about the token":      {"GET", "/metrics", "Bearer unlucky", http.StatusInternalServerError},
		"no answer about what it may do": {"GET", "/metrics", "Bearer ill-fated", http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			filter, err := guarded(&rest.Config{
				Host: api.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"},
			}, api.Client())
			g.Expect(err).NotTo(HaveOccurred())
			entered := false
			handler, err := filter(logr.Discard(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered = true }))
			g.Expect(err).NotTo(HaveOccurred())
			request := httptest.NewRequest(c.method, c.path, http.NoBody)
			request.Header.Set("Authorization", c.authorization)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			g.Expect(answer.Code).To(Equal(c.status))
			g.Expect(entered).To(Equal(c.status == http.StatusOK))
		})
	}
}
