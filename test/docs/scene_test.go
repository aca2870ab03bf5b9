package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webhook-operator.io/itwin/internal/harness"
	"webhook-operator.io/itwin/internal/harness/clustertest"
	"webhook-operator.io/itwin/internal/harness/documented"
	"webhook-operator.io/itwin/simulator"
)

// scene is where the commands of a page are run: a folder as a reader has it, a control plane, and a platform and a
// receiver that stand in for the real ones.
type scene struct {
	*clustertest.Cluster

	dir      string
	manager  *harness.Manager
	platform *harness.Simulator
	receiver *harness.Receiver
	// hosts puts the addresses of the platform and of the receiver in place of those of the pages.
	hosts *strings.Replacer
	// certificates is a file with those that programs trust; "" leaves that to the system.
	certificates string
}

// newScene has install.yaml of a release, and config of a clone. Nothing is installed.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Cluster: clustertest.New(t), dir: t.TempDir()}
	root, err := harness.Root()
	s.Must(err)
	s.Must(os.Symlink(filepath.Join(root, "config"), filepath.Join(s.dir, "config")))
	for _, folder := range []string{"dist", "bin"} {
		s.Must(os.Mkdir(filepath.Join(s.dir, folder), 0o700))
	}
	s.Must(os.Symlink(s.KubectlPath, filepath.Join(s.dir, "bin", "kubectl")))
	plugin, err := harness.Binary("kubectl-itwin")
	s.Must(err)
	s.Must(os.Symlink(plugin, filepath.Join(s.dir, "bin", "kubectl-itwin")))
	s.write("dist/install.yaml", s.MustKubectl("kustomize", filepath.Join(root, "config", "install")))

	platform, err := harness.StartSimulator(s.Ctx, t.TempDir(), "--insecure-callbacks")
	s.Must(err)
	t.Cleanup(func() { s.Must(platform.Kill()) })
	s.platform = platform
	// The receiver's certificate is its own.
	s.write(".curlrc", "insecure\n")
	s.receiver, err = harness.StartReceiver(nil)
	s.Must(err)
	t.Cleanup(func() { s.Must(s.receiver.Close()) })
	s.receiver.Trust(s.secrets)
	s.hosts = strings.NewReplacer(
		"https://api.bentley.com", s.platform.URL, "https://ims.bentley.com", s.platform.URL,
		"https://hooks.example.com", s.receiver.URL,
	)
	return s
}

// connected is a scene in which the operator runs, and serves the Webhook model-events of the pages. Its Deployment is
// said to have the Pods that no kubelet starts here.
func connected(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.Must(s.Install(s.Ctx))
	s.operate()
	s.MustKubectl("-n", harness.Namespace, "patch", "deployment", "itwin-webhook-operator-controller-manager",
		"--subresource=status", "--type=merge", "-p", `{"status":{"replicas":2,"readyReplicas":2,"availableReplicas":2}}`)
	s.MustKubectl("create", "namespace", "digital-twin")
	s.MustKubectl("label", "namespace", "digital-twin", "itwin=enabled")
	for _, namespace := range []string{"digital-twin", harness.Namespace} {
		s.MustKubectl("-n", namespace, "create", "secret", "generic", "itwin-service-app",
			"--from-literal=clientId=service-app", "--from-literal=clientSecret=test-secret")
	}
	for _, yaml := range documented.Texts(t, "docs/api.md", "## Connection and ClusterConnection", "yaml", 1) {
		s.apply(yaml)
	}
	s.apply(documented.Texts(t, "docs/api.md", "## Webhook", "yaml", 1)[0])
	s.waits("webhook/model-events")
	return s
}

// operate runs the operator that was installed, until the test ends.
func (s *scene) operate() {
	s.Helper()
	manager, err := s.StartManager(s.Ctx, "--leader-elect", "--leader-election-namespace="+harness.Namespace)
	s.Must(err)
	s.Cleanup(func() { s.Must(manager.Kill()) })
	s.manager = manager
}

// write makes a file in the reader's folder.
func (s *scene) write(name, text string) {
	s.Helper()
	s.Must(os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600))
}

// here is a text of a page with the addresses of the scene. A connection of the pages needs none for the real platform.
func (s *scene) here(text string) string {
	const before = "  credentialsSecretRef:\n"
	here := fmt.Sprintf("  apiUrl: %s\n  tokenUrl: %s\n  pollInterval: 10s\n", s.platform.URL, s.platform.TokenURL())
	return strings.ReplaceAll(s.hosts.Replace(text), before, here+before)
}

func (s *scene) apply(yaml string) {
	s.Helper()
	_, err := s.KubectlWith(s.Ctx, s.here(yaml), "apply", "-f", "-")
	s.Must(err)
}

// waits until an object of the namespace digital-twin is ready.
func (s *scene) waits(object string) {
	s.Helper()
	s.MustKubectl("-n", "digital-twin", "wait", "--for=condition=Ready", "--timeout=60s", object)
}

// run runs blocks of commands, each in a shell of its own, and compares what a console shows.
func (s *scene) run(blocks ...string) {
	s.Helper()
	for _, block := range blocks {
		dialogues := documented.Dialogues(block)
		for _, d := range dialogues {
			s.Expect(shown(s.sh(d.Command))).To(matchShown(d.Output), d.Command)
		}
		if len(dialogues) == 0 {
			s.sh(block)
		}
	}
}

// soon runs a block of a console again until it shows what the page does: the operator has done its part by then.
func (s *scene) soon(block string) {
	s.Helper()
	for _, d := range documented.Dialogues(block) {
		s.Eventually(func() (string, error) {
			out, err := s.try(d.Command)
			return shown(out), err
		}).Should(matchShown(d.Output), d.Command)
	}
}

func (s *scene) sh(script string) string {
	s.Helper()
	out, err := s.try(script)
	s.Must(err)
	return out
}

// try runs a script as a reader with the rights of an administrator does. kubectl uses the namespace digital-twin.
func (s *scene) try(script string) (string, error) {
	script = "kubectl config set-context --current --namespace=digital-twin >/dev/null\n" + s.here(script)
	ctx, cancel := context.WithTimeout(s.Ctx, 2*harness.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = s.dir
	cmd.WaitDelay = time.Second // what the shell has started holds its output open
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"), "KUBECONFIG="+s.Kubeconfig,
		"KUBECACHEDIR="+filepath.Join(s.dir, "cache"), "CURL_HOME="+s.dir)
	if s.certificates != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+s.certificates)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", script, err, out)
	}
	return string(out), err
}

// secrets are those of the Webhook model-events, for the receiver.
func (s *scene) secrets(string) []string {
	remotes, err := s.platform.Webhooks(s.Ctx)
	if err != nil {
		return nil
	}
	var secrets []string
	for _, remote := range remotes {
		secrets = append(secrets, remote.Secret)
	}
	return secrets
}

// happens lets the platform deliver an event to the receiver.
func (s *scene) happens(eventType string) {
	s.Helper()
	published, err := s.platform.Publish(s.Ctx, simulator.Event{
		EventType: eventType, ITwinID: "5c9d64cf-d22f-4149-ad08-c24ff395c3a0",
	})
	s.Must(err)
	_, err = s.receiver.Await(s.Ctx, published.MessageID)
	s.Must(err)
}
