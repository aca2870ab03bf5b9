package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// plugin is the program kubectl-itwin, which people run on their own machines.
const plugin = "kubectl-itwin"

// addPlugin takes the program of one platform.
func (r *release) addPlugin(value string) error {
	platform, binary, found := strings.Cut(value, "=")
	if system, arch, two := strings.Cut(platform, "/"); !found || !two || system == "" || arch == "" {
		return errors.New("must be os/architecture=binary")
	}
	r.plugins[platform] = binary
	return nil
}

// writePlugins writes an archive for each platform, with the program under the name by which kubectl finds it.
func (r *release) writePlugins() error {
	for _, platform := range slices.Sorted(maps.Keys(r.plugins)) {
		content, err := r.pluginArchive(platform)
		if err != nil {
			return fmt.Errorf("archive of %s for %s: %w", plugin, platform, err)
		}
		name := fmt.Sprintf("%s-%s-%s.tar.gz", plugin, r.version, strings.Replace(platform, "/", "-", 1))
		if err := r.write(name, content); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) pluginArchive(platform string) ([]byte, error) {
	program := plugin
	if strings.HasPrefix(platform, "windows/") {
		program += ".exe"
	}
	var content bytes.Buffer
	zipped := gzip.NewWriter(&content)
	archive := tar.NewWriter(zipped)
	for _, file := range []struct {
		name, path string
		mode       int64
	}{
		{"LICENSE", filepath.Join(r.root, "LICENSE"), 0o644},
		{program, r.plugins[platform], 0o755},
	} {
		data, err := os.ReadFile(file.path)
		if err != nil {
			return nil, err
		}
		header := &tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(data)), ModTime: r.at, Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(data); err != nil {
			return nil, err
		}
	}
	err := cmp.Or(archive.Close(), zipped.Close())
	return content.Bytes(), err
}
