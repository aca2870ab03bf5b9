// The record program makes the test data of an upgrade: what version 0.1.0 left in a cluster and on the platform, with
// Webhooks and connections in every state that it has. It runs the manager and the simulator of that version on
// the control plane of the tests. In a checkout of commit 9a76fdd, here in /tmp/v0.1.0, run make build; then here, with
// KUBEBUILDER_ASSETS set:
//
//	ITWIN_BIN=/tmp/v0.1.0/bin go run ./test/upgrade/record -source /tmp/v0.1.0
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/test/upgrade"
)

// image is that of the version, as its README names it.
const image = "registry.example.com/itwin-webhook-operator:v0.1.0"

func main() {
	source := flag.String("source", "", "folder of the checkout of version 0.1.0")
	flag.Parse()
	harness.Quiet()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, *source); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, source string) (err error) {
	dir, err := os.MkdirTemp("", "itwin-record-")
	if err != nil {
		return err
	}
	fmt.Println("what the programs write is in", dir)
	r := &recording{ctx: ctx, dir: dir}
	defer r.end(&err)
	if err := r.begin(source); err != nil {
		return err
	}
	for _, step := range []func(){r.connections, r.synced, r.changed, r.failing} {
		if step(); r.err != nil {
			return r.err
		}
	}
	return r.save()
}

// recording is a cluster under version 0.1.0. The first error ends it.
type recording struct {
	*harness.ControlPlane
	ctx      context.Context
	dir, out string
	platform *harness.Simulator
	manager  *harness.Manager
	err      error
}

// begin starts everything, with the simulator at the address that the test data has.
func (r *recording) begin(source string) (err error) {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	r.out = filepath.Join(root, "test", "upgrade", "testdata", upgrade.Version)
	if r.ControlPlane, err = harness.StartControlPlane(r.dir); err != nil {
		return err
	}
	if err := r.install(source); err != nil {
		return err
	}
	r.platform, err = harness.StartSimulator(r.ctx, r.dir, "--listen="+upgrade.RecordedHost, "--state="+r.state())
	if err != nil {
		return err
	}
	path, err := harness.Binary("manager")
	if err != nil {
		return err
	}
	r.manager, err = r.StartProgramIn(r.ctx, harness.Namespace, path)
	return err
}

func (r *recording) state() string { return filepath.Join(r.dir, "platform.json") }

// install writes the manifests of the version into the test data, and applies them as its README says.
func (r *recording) install(source string) error {
	// The objects get later resourceVersions than a control plane has that was just started, whatever its version.
	for range 1000 {
		filler := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "filler-"}}
		if err := r.Client.Create(r.ctx, filler); err != nil {
			return err
		}
	}
	overlay := exec.CommandContext(r.ctx, "make", "-C", source, "bin/deploy/kustomization.yaml", "IMG="+image)
	if out, err := overlay.CombinedOutput(); err != nil {
		return fmt.Errorf("make the overlay of the version: %w: %s", err, out)
	}
	for name, folder := range map[string]string{"default": "bin/deploy", "namespaced": "config/namespaced"} {
		manifests, err := r.Kubectl(r.ctx, "kustomize", filepath.Join(source, folder))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.out, name+".yaml"), []byte(manifests), 0o600); err != nil {
			return err
		}
	}
	for _, file := range []string{"default.yaml", "namespaces.yaml"} {
		if _, err := r.Kubectl(r.ctx, "apply", "--server-side", "-f", filepath.Join(r.out, file)); err != nil {
			return err
		}
	}
	_, err := r.Kubectl(r.ctx, "wait", "--for=condition=Established", "--timeout=1m", "crd", "--all")
	return err
}
