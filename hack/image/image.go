package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"path"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	title = "itwin-webhook-operator"
	// entrypoint and user are also those of the Dockerfile.
	entrypoint = "/manager"
	user       = "65532:65532"
)

// build makes an image of one file on an empty base: no shell, no package manager, nothing else to patch.
func build(program []byte, arch, version string, at time.Time) (v1.Image, error) {
	layer, err := newLayer(program, at)
	if err != nil {
		return nil, err
	}
	img, err := mutate.ConfigFile(empty.Image, newConfig(arch, version, at))
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

func newConfig(arch, version string, at time.Time) *v1.ConfigFile {
	return &v1.ConfigFile{
		OS:           "linux",
		Architecture: arch,
		Created:      v1.Time{Time: at},
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: []string{entrypoint},
			User:       user,
			WorkingDir: "/",
			Labels: map[string]string{
				"org.opencontainers.image.title":    title,
				"org.opencontainers.image.version":  version,
				"org.opencontainers.image.licenses": "Apache-2.0",
			},
		},
	}
}

// newLayer holds the program, which is not writable, not even for the user it runs as.
func newLayer(program []byte, at time.Time) (v1.Layer, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	if err := addFile(w, path.Base(entrypoint), 0o555, program, at); err != nil {
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
