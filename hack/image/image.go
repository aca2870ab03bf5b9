package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is also that of the Dockerfile.
const user = "65532:65532"

// build makes an image of one file on an empty base: no shell, no package manager, nothing else to patch.
func build(o options, arch, file string, at time.Time) (v1.Image, error) {
	program, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	layer, err := newLayer(o.name, program, at)
	if err != nil {
		return nil, err
	}
	img, err := mutate.ConfigFile(empty.Image, newConfig(o, arch, at))
	if err != nil {
		return nil, err
	}
	img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	return mutate.Append(img, mutate.Addendum{
		Layer:     layer,
		MediaType: types.OCILayer,
		History:   v1.History{Created: v1.Time{Time: at}, CreatedBy: "hack/image"},
	})
}

func newConfig(o options, arch string, at time.Time) *v1.ConfigFile {
	return &v1.ConfigFile{
		OS:           "linux",
		Architecture: arch,
		Created:      v1.Time{Time: at},
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: []string{"/" + o.name},
			User:       user,
			WorkingDir: "/",
			Labels: map[string]string{
				"org.opencontainers.image.title":    o.title,
				"org.opencontainers.image.version":  o.version,
				"org.opencontainers.image.licenses": "Apache-2.0",
			},
		},
	}
}

// newLayer holds the program, which is not writable, not even for the user it runs as.
func newLayer(name string, program []byte, at time.Time) (v1.Layer, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	if err := addFile(w, name, 0o555, program, at); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil }
	return tarball.LayerFromOpener(open,
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression))
}

// addFile leaves out what differs between machines: owner, and times of files.
func addFile(w *tar.Writer, name string, mode int64, content []byte, at time.Time) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Format:   tar.FormatUSTAR,
		Name:     name,
		Mode:     mode,
		Size:     int64(len(content)),
		ModTime:  at,
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
