package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const program = "\x7fELF, or nearly"

// archive makes one from binaries in a folder of their own, last changed at some time of their own.
func archive(t *testing.T, epoch string, changed time.Time, archs ...string) (file, digest string) {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", epoch)
	dir := t.TempDir()
	o := options{
		name: "manager", title: "operator", version: "v1.2.3", tag: "registry.example.com/ops/operator:v1.2.3",
		out: filepath.Join(dir, "image.tar"),
	}
	for _, arch := range archs {
		binary := filepath.Join(dir, arch)
		if err := os.WriteFile(binary, []byte(program), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(binary, changed, changed); err != nil {
			t.Fatal(err)
		}
		o.binaries = append(o.binaries, arch+"="+binary)
	}
	digest, err := run(o)
	if err != nil {
		t.Fatal(err)
	}
	return o.out, digest
}

func sum(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func TestEqualInputsGiveEqualBytes(t *testing.T) {
	for _, archs := range [][]string{{"arm64"}, {"amd64", "arm64"}} {
		one, digest := archive(t, "1700000000", time.Unix(1, 0), archs...)
		other, otherDigest := archive(t, "1700000000", time.Unix(2, 0), archs...)
		if digest != otherDigest || sum(t, one) != sum(t, other) {
			t.Errorf("two builds of the same differ: %s, %s", digest, otherDigest)
		}
		if _, later := archive(t, "1700000001", time.Unix(1, 0), archs...); later == digest {
			t.Error("SOURCE_DATE_EPOCH is not used")
		}
	}
}

func TestWrongBinariesAreRefused(t *testing.T) {
	for _, binaries := range [][]string{nil, {"manager"}, {"amd64=/does/not/exist"}} {
		out := filepath.Join(t.TempDir(), "image.tar")
		if _, err := run(options{binaries: binaries, tag: "operator:v1", out: out}); err == nil {
			t.Errorf("accepted %v", binaries)
		}
	}
}

func TestArchiveOfOneArchitectureIsAnImage(t *testing.T) {
	file, digest := archive(t, "1700000000", time.Now(), "arm64")
	content, _ := only(t, file, digest)
	img, err := content.Image(hashOf(t, digest))
	if err != nil {
		t.Fatal(err)
	}
	checkImage(t, img, "arm64")
}

func TestArchiveOfSeveralArchitecturesIsAnIndexOfThem(t *testing.T) {
	file, digest := archive(t, "1700000000", time.Now(), "amd64", "arm64")
	content, descriptor := only(t, file, digest)
	if !descriptor.MediaType.IsIndex() {
		t.Fatalf("it is a %s", descriptor.MediaType)
	}
	index, err := content.ImageIndex(hashOf(t, digest))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	for i, arch := range []string{"amd64", "arm64"} {
		found := manifest.Manifests[i]
		if found.Platform == nil || found.Platform.OS != "linux" || found.Platform.Architecture != arch {
			t.Errorf("platform %d is %v", i, found.Platform)
		}
		img, err := index.Image(found.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, img, arch)
	}
}

// only returns the layout in an archive, and what it says of the one thing in it.
func only(t *testing.T, file, digest string) (v1.ImageIndex, v1.Descriptor) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(unpack(t, file))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 {
		t.Fatalf("%d things", len(manifest.Manifests))
	}
	image := manifest.Manifests[0]
	for key, want := range map[string]string{
		"org.opencontainers.image.ref.name": "v1.2.3",
		"io.containerd.image.name":          "registry.example.com/ops/operator:v1.2.3",
	} {
		if got := image.Annotations[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if image.Digest.String() != digest {
		t.Errorf("said %s, wrote %s", digest, image.Digest)
	}
	return index, image
}

func hashOf(t *testing.T, digest string) v1.Hash {
	t.Helper()
	hash, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func checkImage(t *testing.T, img v1.Image, arch string) {
	t.Helper()
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/manager" || config.Architecture != arch {
		t.Errorf("config: %+v", config)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(content)
	header, err := files.Next()
	if err != nil || header.Name != "manager" || header.Mode != 0o555 || header.Uid != 0 {
		t.Errorf("first file: %+v, %v", header, err)
	}
	if got, err := io.ReadAll(files); err != nil || !bytes.Equal(got, []byte(program)) {
		t.Errorf("the program is %q, %v", got, err)
	}
	if _, err := files.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the program: %v", err)
	}
}

func TestDefaultRegistryIsNamedAsEnginesNameIt(t *testing.T) {
	got, err := annotations("itwin-webhook-operator:dev")
	if err != nil {
		t.Fatal(err)
	}
	if name := got["io.containerd.image.name"]; name != "docker.io/library/itwin-webhook-operator:dev" {
		t.Errorf("named %s", name)
	}
}

func TestDockerfileMakesTheSameImage(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"FROM scratch", "USER " + user, `ENTRYPOINT ["/manager"]`} {
		if !bytes.Contains(dockerfile, []byte("\n"+line+"\n")) {
			t.Errorf("it lacks %s", line)
		}
	}
}

func unpack(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for files := tar.NewReader(f); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
