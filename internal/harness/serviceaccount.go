package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

const (
	// Namespace is where config/install installs the operator.
	Namespace = "itwin-webhook-operator-system"
	account   = "itwin-webhook-operator-controller-manager"
	// tokenSeconds is long enough for anything that runs here.
	tokenSeconds = 24 * 60 * 60
)

// serviceAccountKubeconfig writes a kubeconfig of the operator's ServiceAccount, with a token as its pod would get.
func (c *ControlPlane) serviceAccountKubeconfig(ctx context.Context, namespace string) (string, error) {
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))},
	}
	var operator corev1.ServiceAccount
	operator.Namespace, operator.Name = namespace, account
	if err := c.Client.SubResource("token").Create(ctx, &operator, request); err != nil {
		return "", fmt.Errorf("get a token of the operator's ServiceAccount: %w", err)
	}
	path := filepath.Join(c.dir, namespace+".kubeconfig")
	return path, clientcmd.WriteToFile(c.kubeconfigWith(request.Status.Token, namespace), path)
}

// KubeconfigOf writes a kubeconfig of a new user, who proves to be that by a client certificate and has the rights that
// are bound to the name.
func (c *ControlPlane) KubeconfigOf(user string) (path string, err error) {
	added, err := c.environment.AddUser(envtest.User{Name: user}, nil)
	if err != nil {
		return "", fmt.Errorf("add the user %s: %w", user, err)
	}
	config, err := added.KubeConfig()
	if err != nil {
		return "", err
	}
	path = filepath.Join(c.dir, user+".kubeconfig")
	return path, os.WriteFile(path, config, 0o600)
}

func (c *ControlPlane) kubeconfigWith(token, namespace string) clientcmdapi.Config {
	const name = "operator"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server: c.Config.Host, CertificateAuthorityData: c.Config.CAData,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	config.CurrentContext = name
	return *config
}
