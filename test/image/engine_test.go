package image

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// engine is Podman with a storage of its own: nothing of the user's is seen or changed.
type engine struct {
	*testing.T
	flags []string
}

// newEngine returns one that needs no kernel module, no systemd and no network, so that it also works in a container.
func newEngine(t *testing.T) *engine {
	t.Helper()
	storage := t.TempDir()
	e := &engine{T: t, flags: []string{
		"--root=" + filepath.Join(storage, "root"), "--runroot=" + filepath.Join(storage, "run"),
		"--storage-driver=vfs", "--cgroup-manager=cgroupfs",
	}}
	if runtime, err := exec.LookPath("runc"); err == nil {
		e.flags = append(e.flags, "--runtime="+runtime)
	}
	return e
}

// podman runs a command and returns what it wrote.
func (e *engine) podman(args ...string) string {
	e.Helper()
	out, err := e.try(args...)
	if err != nil {
		e.Fatalf("podman %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (e *engine) try(args ...string) (string, error) {
	command := exec.Command("podman", append(e.flags, args...)...)
	// The proxy of this machine is not that of the pod.
	command.Env = append(os.Environ(), "HTTPS_PROXY=", "HTTP_PROXY=", "https_proxy=", "http_proxy=")
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return strings.TrimSpace(out.String()), err
}

// container runs the image until the test ends, as the restricted Pod Security level has it.
func (e *engine) container(name string, args ...string) {
	e.Helper()
	e.Cleanup(func() {
		if e.Failed() {
			logs, err := e.try("logs", name)
			e.Logf("the operator wrote (%v):\n%s", err, logs)
		}
		e.podman("rm", "--force", "--time=0", name)
	})
	e.podman(append([]string{
		"run", "--detach", "--name=" + name, "--network=host", "--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL",
		"--security-opt=no-new-privileges", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--http-proxy=false",
		"--pull=never",
	}, args...)...)
}
