package harness

import "path/filepath"

// StartTeardownControllers runs what of kube-controller-manager takes things down: the controller that empties deleted
// namespaces, and the garbage collector.
func (c *ControlPlane) StartTeardownControllers() (*Process, error) {
	path, err := Binary("teardown-controllers")
	if err != nil {
		return nil, err
	}
	return StartProcess(filepath.Join(c.dir, "teardown-controllers.log"), path, []string{"--kubeconfig=" + c.Kubeconfig})
}
