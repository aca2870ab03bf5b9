package docs

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"webhook-operator.io/itwin/internal/harness"
)

// TestABackupIsRestoredToAnotherCluster: what docs/operations.md puts into a backup is enough, in its order. Velero is
// played: it leaves out the status, owner references and what the API server sets.
func TestABackupIsRestoredToAnotherCluster(t *testing.T) {
	t.Parallel()
	s := connected(t)
	before, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Must(s.manager.Stop())
	s.Must(s.platform.ResetRequests(s.Ctx))

	next := newScene(t)
	next.platform, next.hosts = s.platform, s.hosts
	next.Must(next.Install(next.Ctx))
	next.MustKubectl("create", "namespace", "digital-twin")
	for _, namespace := range []string{harness.Namespace, "digital-twin"} {
		for _, kind := range []string{"secrets", "connections", "webhooks.itwin.webhook-operator.io"} {
			next.restore(s.backup(namespace, kind))
		}
	}
	next.operate()
	next.waits("webhook/model-events")
	after, err := s.platform.Webhooks(s.Ctx)
	s.Must(err)
	s.Expect(after).To(HaveLen(1))
	s.Expect(after[0]).To(And(HaveField("ID", before[0].ID), HaveField("Secret", before[0].Secret)))
	s.Expect(next.secret()).To(Equal(s.secret()))
	counts, err := s.platform.Requests(s.Ctx)
	s.Must(err)
	s.Expect(counts.Counts["POST /webhooks"]).To(BeZero())
}

// backup has the objects of a kind as Velero keeps them for a restore.
func (s *scene) backup(namespace, kind string) (all []unstructured.Unstructured) {
	s.Helper()
	var list unstructured.UnstructuredList
	s.Must(json.Unmarshal([]byte(s.MustKubectl("-n", namespace, "get", kind, "-o", "json")), &list))
	for _, o := range list.Items {
		for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "ownerReferences", "managedFields"} {
			unstructured.RemoveNestedField(o.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(o.Object, "status")
		all = append(all, o)
	}
	return all
}

func (s *scene) restore(objects []unstructured.Unstructured) {
	s.Helper()
	for i := range objects {
		text, err := objects[i].MarshalJSON()
		s.Must(err)
		_, err = s.KubectlWith(s.Ctx, string(text), "create", "-f", "-")
		s.Must(err)
	}
}
