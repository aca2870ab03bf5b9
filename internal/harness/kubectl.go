package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Kubectl runs the control plane's kubectl as an administrator and returns what it printed.
func (c *ControlPlane) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.KubectlWith(ctx, "", args...)
}

// KubectlWith does the same with an input, for example for apply -f -.
func (c *ControlPlane) KubectlWith(ctx context.Context, input string, args ...string) (string, error) {
	return c.kubectl(ctx, c.Kubeconfig, input, args...)
}

// KubectlAs runs kubectl as the owner of a kubeconfig.
func (c *ControlPlane) KubectlAs(ctx context.Context, kubeconfig string, args ...string) (string, error) {
	return c.kubectl(ctx, kubeconfig, "", args...)
}

func (c *ControlPlane) kubectl(ctx context.Context, kubeconfig, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.KubectlPath, args...) //nolint:gosec // the caller says what
	// A cache of its own: another control plane with the same address had other kinds.
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBECACHEDIR="+c.dir+"/kubectl-cache")
	cmd.Stdin = strings.NewReader(input)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	return out.String(), nil
}
