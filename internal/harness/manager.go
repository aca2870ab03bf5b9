package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
)

// Manager is the operator as a process, with the rights that the manifests give it and no others.
type Manager struct {
	*Process
	// Health is the base URL of its probes.
	Health string

	again func() (*Manager, error)
}

// managers numbers the output files.
var managers atomic.Int32

// StartManager runs the operator that Install installed, with more flags if any, and waits until it is ready.
func (c *ControlPlane) StartManager(ctx context.Context, flags ...string) (*Manager, error) {
	return c.StartManagerIn(ctx, Namespace, flags...)
}

// StartManagerIn runs the operator with the rights of the ServiceAccount that it has in a namespace, and with its key
// there. Loopback hosts, such as the simulator's, are allowed; a later --allow-loopback=false among the flags wins.
func (c *ControlPlane) StartManagerIn(ctx context.Context, namespace string, flags ...string) (*Manager, error) {
	path, err := Binary("manager")
	if err != nil {
		return nil, err
	}
	flags = append([]string{"--operator-namespace=" + namespace, "--allow-loopback"}, flags...)
	return c.StartProgramIn(ctx, namespace, path, flags...)
}

// StartProgramIn runs any version of the operator with the rights of the ServiceAccount that it has in a namespace.
func (c *ControlPlane) StartProgramIn(ctx context.Context, namespace, path string, flags ...string) (*Manager, error) {
	kubeconfig, err := c.serviceAccountKubeconfig(ctx, namespace)
	if err != nil {
		return nil, err
	}
	m, err := c.launch(path, append([]string{"--kubeconfig=" + kubeconfig}, flags...))
	if err != nil {
		return nil, err
	}
	if err := m.waitReady(ctx); err != nil {
		return nil, errors.Join(err, m.Kill())
	}
	return m, nil
}

// launch runs the operator with its own address for probes and its own output.
func (c *ControlPlane) launch(path string, flags []string) (*Manager, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	output := filepath.Join(c.dir, fmt.Sprintf("manager-%d.log", managers.Add(1)))
	command := slices.Concat(c.Within, []string{path}, flags, []string{"--health-probe-bind-address=" + address})
	process, err := StartProcess(output, command[0], command[1:])
	if err != nil {
		return nil, err
	}
	again := func() (*Manager, error) { return c.launch(path, flags) }
	return &Manager{Process: process, Health: "http://" + address, again: again}, nil
}

// Relaunch runs the operator once more with the same rights and flags, as a kubelet does after its end. It does not
// wait until the operator is ready, which needs an API server.
func (m *Manager) Relaunch() (*Manager, error) { return m.again() }

func (m *Manager) waitReady(ctx context.Context) error {
	return Until(ctx, "the operator becomes ready", func(ctx context.Context) error {
		if err := m.Ended(); err != nil {
			return Final(err)
		}
		return get(ctx, m.Health+"/readyz")
	})
}

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
