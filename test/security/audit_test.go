package security

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// auditLog is what the API server wrote down about the operator's requests.
type auditLog struct {
	path string
	// begin is where the scenario at hand begins.
	begin int64
}

// auditEvent is one request.
type auditEvent struct {
	Verb           string
	RequestURI     string
	User           struct{ Username string }
	ObjectRef      *struct{ APIGroup, Resource, Subresource, Namespace, Name string }
	ResponseStatus struct{ Code int }
	Annotations    map[string]string
}

func (a *auditLog) configure(t *testing.T) func(*envtest.APIServer) {
	policy, err := filepath.Abs(filepath.Join("testdata", "audit-policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return func(server *envtest.APIServer) {
		server.Configure().Append("audit-policy-file", policy).Append("audit-log-path", a.path)
		checkOwners(server)
	}
}

// events are the operator's requests from a place in the log on.
func (a *auditLog) events(t *testing.T, from int64) (events []auditEvent) {
	t.Helper()
	file, err := os.Open(a.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			// What has no end yet is being written.
			return events
		}
		var e auditEvent
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.User.Username == accountUser {
			events = append(events, e)
		}
	}
}

// used are the grants that the operator made use of in the scenario at hand.
func (a *auditLog) used(t *testing.T) (grants []string) {
	t.Helper()
	for _, e := range a.events(t, a.begin) {
		if e.ObjectRef == nil || e.denied() {
			continue
		}
		grants = append(grants, grantOf(e.Verb, e.ObjectRef.Resource, e.ObjectRef.Subresource, e.ObjectRef.APIGroup))
		if e.blocksOwner() {
			grants = append(grants, updateFinalizers)
		}
	}
	slices.Sort(grants)
	return slices.Compact(grants)
}

// forget ends the scenario at hand.
func (a *auditLog) forget(t *testing.T) {
	t.Helper()
	info, err := os.Stat(a.path)
	if err != nil {
		t.Fatal(err)
	}
	a.begin = info.Size()
}

func (e auditEvent) denied() bool {
	return e.ResponseStatus.Code == http.StatusForbidden || e.Annotations["authorization.k8s.io/decision"] == "forbid"
}

// blocksOwner reports whether the request made a Secret that a Webhook owns. What admission asks of the authorizer is not
// in the log; ownedSecretsNeedFinalizers shows that it does.
func (e auditEvent) blocksOwner() bool {
	return e.Verb == "create" && e.ObjectRef.Resource == "secrets" && e.ResponseStatus.Code == http.StatusCreated
}

// grantOf is a verb and what it is about, as "patch webhooks.itwin.webhook-operator.io/status".
func grantOf(verb, resource, subresource, group string) string {
	if group != "" {
		resource += "." + group
	}
	if subresource != "" {
		resource += "/" + subresource
	}
	return fmt.Sprintf("%s %s", verb, resource)
}
