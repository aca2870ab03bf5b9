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
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// writeArchive writes the images, one for each architecture, as an OCI image layout in one tar file, and returns the
// digest by which a registry will know what is in it: that of the only image, or of the index that lists several.
func writeArchive(images []v1.Image, tag string, at time.Time, file string) (digest v1.Hash, err error) {
	names, err := annotations(tag)
	if err != nil {
		return digest, err
	}
	dir, err := os.MkdirTemp("", "image-")
	if err != nil {
		return digest, err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	content, err := layout.Write(dir, empty.Index)
	if err != nil {
		return digest, err
	}
	if digest, err = add(content, images, layout.WithAnnotations(names)); err != nil {
		return digest, err
	}
	return digest, pack(os.DirFS(dir), at, file)
}

// add puts the only image into the layout, or an index of several, by which an engine finds that of its architecture.
func add(content layout.Path, images []v1.Image, names layout.Option) (v1.Hash, error) {
	if len(images) == 1 {
		if err := content.AppendImage(images[0], names); err != nil {
			return v1.Hash{}, err
		}
		return images[0].Digest()
	}
	var index v1.ImageIndex = empty.Index
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			return v1.Hash{}, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: withoutArtifactType{img}, Descriptor: v1.Descriptor{Platform: config.Platform()},
		})
	}
	if err := content.AppendIndex(index, names); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// withoutArtifactType is an image of which an index gives no artifactType. Of an image it says nothing, and tools that
// do not know it, such as Skopeo 1.9, drop it when they copy the index, which changes the digest.
type withoutArtifactType struct{ v1.Image }

// ArtifactType is what go-containerregistry asks for before it derives one.
func (withoutArtifactType) ArtifactType() (string, error) { return "", nil }

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
