package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// end ends what was begun.
func (r *recording) end(err *error) {
	if r.manager != nil {
		*err = errors.Join(*err, r.manager.Stop())
	}
	if r.platform != nil {
		*err = errors.Join(*err, r.platform.Stop())
	}
	if r.ControlPlane != nil {
		*err = errors.Join(*err, r.Stop())
	}
}

// save ends the manager and the simulator, and writes what they left into the test data.
func (r *recording) save() error {
	if err := errors.Join(r.manager.Stop(), r.platform.Stop()); err != nil {
		return err
	}
	for _, kind := range []string{"webhooks", "connections", "clusterconnections", "secrets"} {
		objects, err := r.Kubectl(r.ctx, "get", kind, "--all-namespaces", "--show-managed-fields", "--output=yaml")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.out, kind+".yaml"), []byte(objects), 0o600); err != nil {
			return err
		}
	}
	state, err := os.ReadFile(r.state())
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, state, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "platform.json"), indented.Bytes(), 0o600)
}
