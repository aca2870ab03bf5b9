package upgrade

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/simulator"
)

//go:embed testdata
var testdata embed.FS

// Manifests are a file of the test data.
func Manifests(name string) (string, error) {
	data, err := testdata.ReadFile("testdata/" + Version + "/" + name)
	return string(data), err
}

// Installation is a cluster and a platform as version 0.1.0 left them.
type Installation struct {
	Plane    *harness.ControlPlane
	Platform *harness.Simulator

	objects Objects
	remotes []simulator.Webhook
}

// Restore makes a new control plane what version 0.1.0 left, and starts a platform likewise, with its files in a folder
// of the caller. The manifests of that version are applied as its README said. The objects are as they were, with UIDs
// and resourceVersions; only the address of the platform is another, and the day of all times is yesterday.
func Restore(ctx context.Context, plane *harness.ControlPlane, dir string) (*Installation, error) {
	for _, name := range []string{"default.yaml", "namespaces.yaml"} {
		manifests, err := Manifests(name)
		if err != nil {
			return nil, err
		}
		if _, err := plane.KubectlWith(ctx, manifests, "apply", "--server-side", "-f", "-"); err != nil {
			return nil, err
		}
	}
	recorded, err := Manifests("platform.json")
	if err != nil {
		return nil, err
	}
	day, err := recordedDay(recorded)
	if err != nil {
		return nil, err
	}
	yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	platform, err := startPlatform(ctx, dir, strings.ReplaceAll(recorded, day, yesterday))
	if err != nil {
		return nil, err
	}
	i := &Installation{Plane: plane, Platform: platform}
	host := strings.TrimPrefix(platform.URL, "http://")
	if err := i.restore(ctx, strings.NewReplacer(RecordedHost, host, day, yesterday)); err != nil {
		return nil, errors.Join(err, platform.Kill())
	}
	return i, nil
}

// recordedDay is when the data was made.
func recordedDay(platform string) (string, error) {
	var state struct{ SavedAt time.Time }
	if err := json.Unmarshal([]byte(platform), &state); err != nil {
		return "", err
	}
	return state.SavedAt.Format(time.DateOnly), nil
}

// startPlatform runs a simulator with the remote webhooks and the faults of the one that was recorded.
func startPlatform(ctx context.Context, dir, recorded string) (*harness.Simulator, error) {
	state := filepath.Join(dir, "platform.json")
	if err := os.WriteFile(state, []byte(recorded), 0o600); err != nil {
		return nil, err
	}
	platform, err := harness.StartSimulator(ctx, dir, "--state="+state)
	if err != nil {
		return nil, err
	}
	for _, fault := range Faults() {
		if err := platform.Fault(ctx, fault); err != nil {
			return nil, errors.Join(err, platform.Kill())
		}
	}
	return platform, nil
}

// restore puts the objects into etcd, and reads them and the remote webhooks as they are before the upgrade.
func (i *Installation) restore(ctx context.Context, here *strings.Replacer) (err error) {
	var objects []unstructured.Unstructured
	for _, kind := range []string{"webhooks", "connections", "clusterconnections", "secrets"} {
		text, err := Manifests(kind + ".yaml")
		if err != nil {
			return err
		}
		var list unstructured.UnstructuredList
		if err := yaml.Unmarshal([]byte(here.Replace(text)), &list); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		objects = append(objects, list.Items...)
	}
	if err := i.Plane.Put(ctx, objects); err != nil {
		return err
	}
	if i.objects, err = List(ctx, i.Plane); err != nil {
		return err
	}
	if len(i.objects) != len(objects) {
		return fmt.Errorf("the API server shows %d objects of %d", len(i.objects), len(objects))
	}
	i.remotes, err = i.Platform.Webhooks(ctx)
	return err
}
