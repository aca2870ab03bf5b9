package harness

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
)

// collectors numbers the output files.
var collectors atomic.Int32

// StartTeardownControllers runs what of kube-controller-manager takes things down: the controller that empties deleted
// namespaces, and the garbage collector.
func (c *ControlPlane) StartTeardownControllers() (*Process, error) {
	path, err := Binary("teardown-controllers")
	if err != nil {
		return nil, err
	}
	output := filepath.Join(c.dir, fmt.Sprintf("teardown-controllers-%d.log", collectors.Add(1)))
	return StartProcess(output, path, []string{"--kubeconfig=" + c.Kubeconfig})
}
