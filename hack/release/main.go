// Command release writes what users install: manifests that name the operator's image by its digest, the Helm chart,
// archives of the plugin of kubectl, a bill of materials for each image and for the plugin, and the checksums of
// everything. The images are made before, by hack/image, because the manifests hold their digests. Equal inputs give
// equal bytes; SOURCE_DATE_EPOCH is the time that files tell.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"webhook-operator.io/itwin/internal/buildinfo"
)

// release is what is made.
type release struct {
	// root of the repository, and the folder to write to, which holds the archives of the images already.
	root, out string
	version   string
	// registry is a prefix of the images' names, such as registry.example.com/team.
	registry string
	// images by name, such as itwin-webhook-operator.
	images map[string]image
	// plugins are the programs kubectl-itwin by platform, such as linux/amd64.
	plugins map[string]string
	at      time.Time
}

// image is one in the release.
type image struct {
	digest string
	// binaries are the programs in it, one for each architecture.
	binaries []string
}

// operator is the name of the image that the manifests run.
const operator = "itwin-webhook-operator"

func main() {
	r := release{images: map[string]image{}, plugins: map[string]string{}}
	flag.StringVar(&r.root, "root", ".", "root of the repository")
	flag.StringVar(&r.out, "o", "dist", "folder to write to")
	flag.StringVar(&r.registry, "registry", "", "where the images will be, such as registry.example.com/team")
	flag.Func("image", "an image, as name=digest=binary,binary…; may be repeated", r.addImage)
	flag.Func("plugin", "a program "+plugin+", as os/architecture=binary; may be repeated", r.addPlugin)
	flag.Parse()
	// Loading the chart tells of each link in it.
	slog.SetLogLoggerLevel(slog.LevelWarn)

	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (r *release) addImage(value string) error {
	parts := strings.Split(value, "=")
	if len(parts) != 3 {
		return errors.New("must be name=digest=binary,binary…")
	}
	r.images[parts[0]] = image{digest: parts[1], binaries: strings.Split(parts[2], ",")}
	return nil
}

func (r *release) run() error {
	version, err := os.ReadFile(filepath.Join(r.root, "VERSION"))
	if err != nil {
		return err
	}
	r.version = strings.TrimSpace(string(version))
	if r.at, err = buildinfo.SourceDate(); err != nil {
		return err
	}
	if r.registry == "" || r.images[operator].digest == "" {
		return fmt.Errorf("-registry and the -image %s are needed", operator)
	}
	for _, write := range []func() error{r.writeManifests, r.writeChart, r.writePlugins, r.writeBills, r.writeChecksums} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// name of an image in the registry, without tag or digest.
func (r *release) name(image string) string { return r.registry + "/" + image }

func (r *release) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}
