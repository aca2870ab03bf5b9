// Command image writes static binaries, one for each architecture, as a container image into an OCI image-layout
// archive, the file that `docker load`, `podman load`, `kind load image-archive` and `skopeo copy oci-archive:` read.
// It needs no container engine, and equal inputs give equal bytes; SOURCE_DATE_EPOCH is the time of everything in the
// image. It prints the digest by which any registry will know the image.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"webhook-operator.io/itwin/internal/buildinfo"
)

// options say what to make.
type options struct {
	// binaries are static linux executables, each as architecture=file.
	binaries []string
	// name of the program in the image; title and version are labels.
	name, title, version string
	// tag names the image, with its tag; out is the archive to write.
	tag, out string
}

func main() {
	o := options{}
	flag.Func("binary", "static linux executable, as architecture=file; may be given for each architecture",
		func(value string) error { o.binaries = append(o.binaries, value); return nil })
	flag.StringVar(&o.name, "name", "manager", "name of the program in the image")
	flag.StringVar(&o.title, "title", "itwin-webhook-operator", "title to label the image with")
	flag.StringVar(&o.version, "version", "", "version to label the image with")
	flag.StringVar(&o.tag, "tag", "", "name of the image, with its tag")
	flag.StringVar(&o.out, "o", "image.tar", "archive to write")
	flag.Parse()

	digest, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
	fmt.Println(digest)
}

func run(o options) (digest string, err error) {
	at, err := buildinfo.SourceDate()
	if err != nil {
		return "", err
	}
	if len(o.binaries) == 0 {
		return "", errors.New("no -binary to make an image of")
	}
	var images []v1.Image
	for _, binary := range o.binaries {
		arch, file, found := strings.Cut(binary, "=")
		if !found {
			return "", fmt.Errorf("-binary %s: must be architecture=file", binary)
		}
		img, err := build(o, arch, file, at)
		if err != nil {
			return "", err
		}
		images = append(images, img)
	}
	hash, err := writeArchive(images, o.tag, at, o.out)
	return hash.String(), err
}
