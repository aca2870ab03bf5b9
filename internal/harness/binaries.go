package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"webhook-operator.io/itwin/internal/harness/repository"
)

const (
	// binEnv names the folder of the built programs, when it is not bin of the repository.
	binEnv = "ITWIN_BIN"
	// assetsEnv names the folder of kube-apiserver, etcd and kubectl.
	assetsEnv = "KUBEBUILDER_ASSETS"
)

// Root is the repository.
func Root() (string, error) { return repository.Root() }

// Binary is the path of a program that `make build` makes.
func Binary(name string) (string, error) {
	dir := os.Getenv(binEnv)
	if dir == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil { //nolint:gosec // the folder is whatever the caller's environment says
		return "", fmt.Errorf("the program %s is not built: run make build, or name its folder in %s", path, binEnv)
	}
	return path, nil
}

// assets is the folder of the control plane's programs.
func assets() (string, error) {
	dir := os.Getenv(assetsEnv)
	if dir == "" {
		return "", errors.New(assetsEnv + " must name the folder of kube-apiserver, etcd and kubectl: " +
			"make demo and make test set it, and `go run ./hack/assets` prints it")
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil { //nolint:gosec // as above
			return "", fmt.Errorf("%s names a folder without %s; `go run ./hack/assets` prints one that has it",
				assetsEnv, name)
		}
	}
	return dir, nil
}
