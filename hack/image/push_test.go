package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// TestPushedAsDocumentedItKeepsItsDigest runs the command of docs/install.md: the registry knows the image by the digest that the
// manifests of a release name.
func TestPushedAsDocumentedItKeepsItsDigest(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("Skopeo is not installed; apt-get install skopeo")
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	target := strings.TrimPrefix(server.URL, "http://") + "/team/itwin-webhook-operator"
	file, digest := archive(t, "1700000000", time.Now(), "amd64", "arm64")

	block := documented.Commands(t, "docs/install.md", "## Make a release", 1)[0]
	command := regexp.MustCompile(`^skopeo copy (.*) oci-archive:\S+ docker://\S+\n$`).FindStringSubmatch(block)
	if command == nil {
		t.Fatalf("docs/install.md does not push the image by %s", block)
	}
	args := append([]string{"--insecure-policy", "copy", "--dest-tls-verify=false"}, strings.Fields(command[1])...)
	args = append(args, "oci-archive:"+file, "docker://"+target+":v1.2.3")
	if out, err := exec.Command("skopeo", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ref, err := name.ParseReference(target + ":v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	if pushed.Digest.String() != digest {
		t.Errorf("the registry knows it as %s, the manifests name %s", pushed.Digest, digest)
	}
}
