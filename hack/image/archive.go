package main

import (
	"archive/tar"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// writeArchive writes the image as an OCI image layout in one tar file.
func writeArchive(img v1.Image, tag string, at time.Time, file string) error {
	names, err := annotations(tag)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	index, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := index.AppendImage(img, layout.WithAnnotations(names)); err != nil {
		return err
	}
	return pack(os.DirFS(dir), at, file)
}

// annotations tell who loads the archive how to name the image: by the standard, the tag alone; for containerd, all.
func annotations(tag string) (map[string]string, error) {
	ref, err := name.NewTag(tag)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"org.opencontainers.image.ref.name": ref.TagStr(),
		"io.containerd.image.name":          strings.Replace(ref.Name(), name.DefaultRegistry, "docker.io", 1),
	}, nil
}

// pack puts the files into a tar file, in the order of their names.
func pack(files fs.FS, at time.Time, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return addFile(w, path, 0o644, content, at)
	})
	if err == nil {
		err = w.Close()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
