package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/status"
	"webhook-operator.io/itwin/internal/harness"
)

// pages is an API server that has many Webhooks and lists them by pages, as the real one does.
type pages struct {
	total int
	// expires makes the token of the second page expire once.
	expires bool

	mu sync.Mutex
	// limits are those that lists were asked for with.
	limits []int
	// client is the program that asks, once it is known, and resident its peak when it asked for the last page.
	client   *exec.Cmd
	resident int64
}

// servePages serves total Webhooks.
func servePages(t *testing.T, p *pages) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	version := itwinv1alpha1.GroupVersion.String()
	groupVersion := metav1.GroupVersionForDiscovery{GroupVersion: version, Version: itwinv1alpha1.GroupVersion.Version}
	mux.HandleFunc("/api", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	})
	mux.HandleFunc("/apis", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, metav1.APIGroupList{
			TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"},
			Groups: []metav1.APIGroup{{
				Name: itwinv1alpha1.GroupVersion.Group, Versions: []metav1.GroupVersionForDiscovery{groupVersion},
				PreferredVersion: groupVersion,
			}},
		})
	})
	mux.HandleFunc("/apis/"+version, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version,
			APIResources: []metav1.APIResource{{Name: "webhooks", Namespaced: true, Kind: "Webhook", Verbs: []string{"list"}}},
		})
	})
	mux.HandleFunc("/apis/"+version+"/webhooks", p.list)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	token := r.URL.Query().Get("continue")
	from, _ := strconv.Atoi(strings.TrimPrefix(token, "newer-"))
	p.mu.Lock()
	p.limits = append(p.limits, limit)
	if p.client != nil {
		p.resident = peak(p.client.Process.Pid)
	}
	expired := p.expires && token != ""
	p.expires = p.expires && token == ""
	p.mu.Unlock()
	if expired {
		answer(w, http.StatusGone, metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
			ListMeta: metav1.ListMeta{Continue: "newer-" + token},
		})
		return
	}
	list := itwinv1alpha1.WebhookList{}
	to := min(from+limit, p.total)
	for i := from; i < to; i++ {
		list.Items = append(list.Items, inSync(i))
	}
	if to < p.total {
		list.Continue = strconv.Itoa(to)
	}
	list.SetGroupVersionKind(itwinv1alpha1.GroupVersion.WithKind("WebhookList"))
	answer(w, http.StatusOK, list)
}

// inSync is a large Webhook, so that a list that is kept shows in the memory.
func inSync(i int) *itwinv1alpha1.Webhook {
	active := true
	return &itwinv1alpha1.Webhook{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("webhook-%05d", i), Namespace: fmt.Sprintf("team-%02d", i/1000), Generation: 1,
			Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("x", 8000)},
		},
		Spec: itwinv1alpha1.WebhookSpec{CallbackURL: callback, Scope: itwinv1alpha1.AccountScope, EventTypes: []string{eventType}},
		Status: itwinv1alpha1.WebhookStatus{
			ObservedGeneration: 1, WebhookID: iTwin, Active: &active,
			Conditions: []metav1.Condition{
				{Type: "Ready", Status: "True", Reason: "InSync", LastTransitionTime: metav1.NewTime(time.Unix(1, 0))},
				{Type: "Active", Status: "True", Reason: "Active", LastTransitionTime: metav1.NewTime(time.Unix(1, 0))},
			},
		},
	}
}

// statusOf runs status -A -o json against it, and returns its rows.
func (s *scene) statusOf(p *pages) []status.Row {
	s.Helper()
	path, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	command := s.command(path, "status", "-A", "-o", "json", "--server="+servePages(s.T, p))
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, os.Stderr
	p.mu.Lock() // no page is served before the program is known
	err = command.Start()
	p.client = command
	p.mu.Unlock()
	s.Must(err)
	s.Must(command.Wait())
	var list struct{ Items []status.Row }
	s.Must(json.Unmarshal(out.Bytes(), &list))
	return list.Items
}

// TestStatusOfTenThousandHasBoundedMemory compares with 2,000: more pages take no more memory. All rows have a next
// step, or are in sync.
func TestStatusOfTenThousandHasBoundedMemory(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	few, many := &pages{total: 2000}, &pages{total: 10000}
	s.statusOf(few)
	rows := s.statusOf(many)
	t.Logf("%d MiB at 2,000 Webhooks, %d MiB at 10,000", few.resident>>20, many.resident>>20)
	s.Expect(rows).To(HaveLen(10000))
	for i, row := range rows {
		s.Expect(row.Name).To(Equal(inSync(i).Name))
		s.Expect(row.NextStep).To(Equal("InSync"))
	}
	s.Expect(many.limits).To(HaveLen(20))
	s.Expect(many.limits).To(HaveEach(500))
	s.Expect(few.resident).To(BeNumerically(">", 0))
	s.Expect(many.resident).To(BeNumerically("<", few.resident+32<<20))
}

func TestStatusGoesOnWhenTheVersionOfItsListExpires(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	rows := s.statusOf(&pages{total: 1200, expires: true})
	s.Expect(rows).To(HaveLen(1200))
	for i, row := range rows {
		s.Expect(row.Name).To(Equal(inSync(i).Name))
	}
}
