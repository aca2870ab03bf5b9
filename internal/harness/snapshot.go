package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// etcdData is the folder of etcd's data.
func (c *ControlPlane) etcdData() string { return filepath.Join(c.dir, "etcd-data") }

// Snapshot copies etcd's data into a new folder, for Restore. The API server and etcd are down meanwhile.
func (c *ControlPlane) Snapshot(ctx context.Context, folder string) error {
	return c.whileDown(ctx, func() error { return os.CopyFS(folder, os.DirFS(c.etcdData())) })
}

// Restore replaces etcd's data by a snapshot: everything that was written since then is gone, and resourceVersions go
// on from where they were. The API server and etcd are down meanwhile.
func (c *ControlPlane) Restore(ctx context.Context, folder string) error {
	return c.whileDown(ctx, func() error {
		return errors.Join(os.RemoveAll(c.etcdData()), os.CopyFS(c.etcdData(), os.DirFS(folder)))
	})
}

// whileDown stops the API server and etcd, does something, and starts them again.
func (c *ControlPlane) whileDown(ctx context.Context, do func() error) error {
	if err := c.StopAPIServer(ctx); err != nil {
		return err
	}
	if err := c.signal(etcdProgram, syscall.SIGTERM); err != nil {
		return err
	}
	if err := c.ends(ctx, etcdProgram); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	if err := c.environment.ControlPlane.Etcd.Start(); err != nil {
		return err
	}
	return c.StartAPIServer()
}
