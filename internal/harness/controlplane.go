package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/scheme"
)

// ControlPlane is a real kube-apiserver with its etcd. Nothing runs pods in it, and nothing collects garbage unless
// StartTeardownControllers does.
type ControlPlane struct {
	// Client is an administrator's.
	Client client.WithWatch
	// Config is an administrator's.
	Config *rest.Config
	// Kubeconfig is the path of an administrator's file for kubectl.
	Kubeconfig string
	// KubectlPath is the program that came with the control plane.
	KubectlPath string
	// Within is a command that runs the managers that are started: it gets the program and its flags as arguments, and
	// becomes that program. Empty runs them directly.
	Within []string

	environment *envtest.Environment
	dir         string
	logs        []*os.File
}

// StartControlPlane starts one, with its files and what it logs in a folder of the caller, and with its API server
// configured further, if at all.
func StartControlPlane(dir string, configure ...func(*envtest.APIServer)) (*ControlPlane, error) {
	folder, err := assets()
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{
		environment: &envtest.Environment{
			BinaryAssetsDirectory: folder, ControlPlaneStartTimeout: Timeout,
		},
		dir:        dir,
		Kubeconfig: filepath.Join(dir, "kubeconfig"), KubectlPath: filepath.Join(folder, "kubectl"),
	}
	if err := c.log(); err != nil {
		return nil, errors.Join(err, c.closeLogs())
	}
	if err := c.disturbable(folder); err != nil {
		return nil, errors.Join(err, c.closeLogs())
	}
	for _, more := range configure {
		more(c.environment.ControlPlane.GetAPIServer())
	}
	if c.Config, err = c.environment.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the control plane: %w", err), c.Stop())
	}
	if err := c.connect(); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// log gives both programs a file for their output.
func (c *ControlPlane) log() error {
	open := func(name string) (*os.File, error) {
		file, err := os.Create(filepath.Join(c.dir, name)) //nolint:gosec // the caller says where
		if err == nil {
			c.logs = append(c.logs, file)
		}
		return file, err
	}
	etcd, err := open("etcd.log")
	if err != nil {
		return err
	}
	server, err := open("kube-apiserver.log")
	if err != nil {
		return err
	}
	c.environment.ControlPlane.Etcd = &envtest.Etcd{Out: etcd, Err: etcd}
	c.environment.ControlPlane.GetAPIServer().Out = server
	c.environment.ControlPlane.GetAPIServer().Err = server
	return nil
}

func (c *ControlPlane) closeLogs() (err error) {
	for _, file := range c.logs {
		err = errors.Join(err, file.Close())
	}
	c.logs = nil
	return err
}

func (c *ControlPlane) connect() error {
	if err := os.WriteFile(c.Kubeconfig, c.environment.KubeConfig, 0o600); err != nil {
		return err
	}
	var err error
	c.Client, err = client.NewWithWatch(c.Config, client.Options{Scheme: scheme.New()})
	return err
}

// Stop ends the control plane; what was in it is gone.
func (c *ControlPlane) Stop() error { return errors.Join(c.environment.Stop(), c.closeLogs()) }

// Install applies the manifests that users install, and waits for the kinds to be served. The Deployment among them
// is an object like any other here: StartManager runs the program.
func (c *ControlPlane) Install(ctx context.Context) error { return c.InstallFrom(ctx, "install") }

// InstallFrom applies folders of config in their order, and waits as Install does.
func (c *ControlPlane) InstallFrom(ctx context.Context, folders ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	for _, folder := range folders {
		_, err := c.Kubectl(ctx, "apply", "--server-side", "-k", filepath.Join(root, "config", folder))
		if err != nil {
			return err
		}
	}
	_, err = c.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=1m",
		"crd/webhooks."+itwinv1alpha1.GroupVersion.Group,
		"crd/connections."+itwinv1alpha1.GroupVersion.Group,
		"crd/clusterconnections."+itwinv1alpha1.GroupVersion.Group)
	return err
}
