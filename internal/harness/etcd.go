package harness

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Put writes objects into etcd as another control plane had them: with the UIDs, times and resourceVersions that the
// API server gives to no client. All of them must be later than what etcd has. The API server is down meanwhile.
func (c *ControlPlane) Put(ctx context.Context, objects []unstructured.Unstructured) error {
	versions := map[*unstructured.Unstructured]int64{}
	for i := range objects {
		version, err := strconv.ParseInt(objects[i].GetResourceVersion(), 10, 64)
		if err != nil {
			return fmt.Errorf("%s %s: %w", objects[i].GetKind(), objects[i].GetName(), err)
		}
		versions[&objects[i]] = version
	}
	if err := c.StopAPIServer(ctx); err != nil {
		return err
	}
	order := slices.SortedFunc(maps.Keys(versions), func(a, b *unstructured.Unstructured) int {
		return cmp.Compare(versions[a], versions[b])
	})
	revision, err := c.put(ctx, filler, nil)
	for _, o := range order {
		for err == nil && revision < versions[o]-1 {
			revision, err = c.put(ctx, filler, nil)
		}
		if err == nil && revision != versions[o]-1 {
			err = fmt.Errorf("etcd is at revision %d already", revision)
		}
		if err == nil {
			revision, err = c.putObject(ctx, o)
		}
		if err != nil {
			return fmt.Errorf("put %s %s at revision %d: %w", o.GetKind(), o.GetName(), versions[o], err)
		}
	}
	return errors.Join(err, c.StartAPIServer())
}

// filler is a key that is written to get to a revision.
const filler = "/filler"

// putObject writes an object as the API server stores it, without its resourceVersion, which is the revision.
func (c *ControlPlane) putObject(ctx context.Context, o *unstructured.Unstructured) (revision int64, err error) {
	stored := o.DeepCopy()
	stored.SetResourceVersion("")
	value, err := stored.MarshalJSON()
	if err != nil {
		return 0, err
	}
	return c.put(ctx, etcdKey(o), value)
}

// etcdKey is where the API server keeps an object.
func etcdKey(o *unstructured.Unstructured) string {
	resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
	return path.Join("/registry", resource.Group, resource.Resource, o.GetNamespace(), o.GetName())
}

// put writes a key into etcd, by its HTTP gateway, and returns the revision that this made.
func (c *ControlPlane) put(ctx context.Context, key string, value []byte) (revision int64, err error) {
	body, err := json.Marshal(map[string][]byte{"key": []byte(key), "value": value})
	if err != nil {
		return 0, err
	}
	url := c.environment.ControlPlane.Etcd.URL.JoinPath("/v3/kv/put")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("etcd answers %s: %s", response.Status, data)
	}
	var answer struct {
		Header struct {
			Revision int64 `json:"revision,string"`
		} `json:"header"`
	}
	return answer.Header.Revision, json.Unmarshal(data, &answer)
}
