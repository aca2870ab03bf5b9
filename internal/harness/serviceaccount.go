package harness

import (
	"context"
	"fmt"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	// Namespace is where config/default installs the operator.
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
