package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	etcdProgram      = "etcd"
	apiServerProgram = "kube-apiserver"
	// gracePeriod is how long the API server may take to end by itself.
	gracePeriod = 10 * time.Second
)

// disturbable lets the control plane's programs be paused, killed and started again: it leaves their process ids in
// files, and keeps what envtest would create for each start: the API server's certificates, etcd's data, and the ports.
func (c *ControlPlane) disturbable(folder string) error {
	if err := c.choosePorts(); err != nil {
		return err
	}
	etcd, err := c.wrap(folder, etcdProgram)
	if err != nil {
		return err
	}
	server, err := c.wrap(folder, apiServerProgram)
	if err != nil {
		return err
	}
	c.environment.ControlPlane.Etcd.Path = etcd
	c.environment.ControlPlane.Etcd.DataDir = c.etcdData()
	c.environment.ControlPlane.GetAPIServer().Path = server
	certificates := filepath.Join(c.dir, "certificates")
	c.environment.ControlPlane.GetAPIServer().CertDir = certificates
	return errors.Join(os.Mkdir(certificates, 0o700), os.Mkdir(c.etcdData(), 0o700))
}

// choosePorts gives both programs ports that no other program gets while they are down.
func (c *ControlPlane) choosePorts() error {
	etcd, err := FreeAddress()
	if err != nil {
		return err
	}
	server, err := FreeAddress()
	if err != nil {
		return err
	}
	c.environment.ControlPlane.Etcd.URL = &url.URL{Scheme: "http", Host: etcd}
	serving := &c.environment.ControlPlane.GetAPIServer().SecureServing
	serving.Address, serving.Port, err = net.SplitHostPort(server)
	return err
}

// wrap writes a script that becomes a program of a folder, after it has left its process id in a file.
func (c *ControlPlane) wrap(folder, program string) (string, error) {
	script := fmt.Sprintf("#!/bin/sh\necho $$ >'%s'\nexec '%s' \"$@\"\n",
		c.pidFile(program), filepath.Join(folder, program))
	path := filepath.Join(c.dir, program)
	return path, os.WriteFile(path, []byte(script), 0o700) //nolint:gosec // it must be executable by its owner
}

func (c *ControlPlane) pidFile(program string) string { return filepath.Join(c.dir, program+".pid") }

// signal sends a signal to a program of the control plane.
func (c *ControlPlane) signal(program string, s syscall.Signal) error {
	data, err := os.ReadFile(c.pidFile(program))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, s)
}

// PauseEtcd stops etcd where it is, until ResumeEtcd: the API server answers, if at all, that it cannot.
func (c *ControlPlane) PauseEtcd() error { return c.signal(etcdProgram, syscall.SIGSTOP) }

// ResumeEtcd lets etcd go on.
func (c *ControlPlane) ResumeEtcd() error { return c.signal(etcdProgram, syscall.SIGCONT) }

// StopAPIServer asks the API server to end what it has begun, and waits for its end. Clients that do not answer, such
// as a paused operator, can hold it; then it is killed after a while, as a kubelet does.
func (c *ControlPlane) StopAPIServer(ctx context.Context) error {
	if err := c.signal(apiServerProgram, syscall.SIGTERM); err != nil {
		return err
	}
	graceful, cancel := context.WithTimeout(ctx, gracePeriod)
	defer cancel()
	if c.apiServerEnds(graceful) == nil {
		return nil
	}
	return c.KillAPIServer(ctx)
}

// KillAPIServer ends the API server at once, and waits for its end.
func (c *ControlPlane) KillAPIServer(ctx context.Context) error {
	if err := c.signal(apiServerProgram, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return c.apiServerEnds(ctx)
}

func (c *ControlPlane) apiServerEnds(ctx context.Context) error { return c.ends(ctx, apiServerProgram) }

// ends waits until a program of the control plane has ended.
func (c *ControlPlane) ends(ctx context.Context, program string) error {
	return Until(ctx, program+" ends", func(context.Context) error {
		err := c.signal(program, 0)
		if errors.Is(err, syscall.ESRCH) {
			return nil
		}
		return errors.Join(errors.New("it is still there"), err)
	})
}

// StartAPIServer starts an API server that was stopped or killed, at the same address and with what etcd holds.
func (c *ControlPlane) StartAPIServer() error {
	return c.environment.ControlPlane.GetAPIServer().Start()
}
