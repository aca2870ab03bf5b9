package simulator

import (
	"net/http"
	"path"
	"strings"
)

// newMux returns the routes of the platform and of the simulator's administration, each with or without a slash at the
// end: the platform's reference writes its collection as /webhooks/ and its overview as /webhooks.
//
// The patterns have no method. The methods that a route of the platform allows depend on the version that the call asks
// for, and a pattern with GET would accept HEAD as well.
func (s *Simulator) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(template string, h http.HandlerFunc) {
		mux.HandleFunc(template, h)
		mux.HandleFunc(template+"/{$}", h)
	}
	registered := map[string]bool{}
	for _, o := range operations {
		if !registered[o.template] {
			registered[o.template] = true
			handle(o.template, func(w http.ResponseWriter, r *http.Request) { s.serveCall(w, r, o.template) })
		}
	}
	endpoints := map[string][]adminEndpoint{}
	for _, e := range adminEndpoints() {
		endpoints[e.template] = append(endpoints[e.template], e)
	}
	for template, methods := range endpoints {
		handle(template, func(w http.ResponseWriter, r *http.Request) { s.send(w, s.administer(r, methods)) })
	}
	mux.HandleFunc("/", s.serveUnknown)
	return mux
}

// serveUnknown answers a request to a path without a route.
func (s *Simulator) serveUnknown(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		s.send(w, s.administer(r, nil))
		return
	}
	s.serveCall(w, r, "")
}

// isCanonical reports whether a ServeMux finds the route of a request without redirecting it, and divides its path at
// the same slashes as the decoded path has. The platform is not known to redirect.
func isCanonical(r *http.Request) bool {
	p := r.URL.Path
	return path.Clean("/"+p) == strings.TrimSuffix(p, "/") &&
		strings.Count(r.URL.EscapedPath(), "/") == strings.Count(p, "/")
}
