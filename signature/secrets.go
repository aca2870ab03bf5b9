package signature

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
)

// Static returns the same secrets for every request: those of environment variables, for example. Empty ones are left
// out. A rotation needs a restart then; see Files.
func Static(secrets ...string) func(*http.Request) ([]string, error) {
	return func(*http.Request) ([]string, error) { return secrets, nil }
}

// Files reads the secrets from files for each request, so that a rotation needs no restart: the kubelet updates the
// files of a mounted Secret. A file that does not exist is left out, as that of the previous secret before the first
// rotation; it is an error when none exists. Each file is the secret as it is, with a newline at its end if it has
// one.
func Files(paths ...string) func(*http.Request) ([]string, error) {
	return func(*http.Request) (secrets []string, err error) {
		for _, path := range paths {
			content, err := os.ReadFile(path) //nolint:gosec // the receiver says which files hold its secrets
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return nil, fmt.Errorf("read the secret: %w", err)
			default:
				secrets = append(secrets, string(content))
			}
		}
		if len(secrets) == 0 {
			return nil, fmt.Errorf("read the secret: %w: none of %q", fs.ErrNotExist, paths)
		}
		return secrets, nil
	}
}
