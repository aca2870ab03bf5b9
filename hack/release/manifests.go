package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests are the folders of config that are rendered, by the file that each becomes.
var manifests = map[string]string{
	"crds.yaml":                     "crd",
	"install.yaml":                  "install",
	"operator.yaml":                 "default",
	"install-namespaced.yaml":       "namespaced",
	"install-namespaced-admin.yaml": "namespaced-admin",
}

// placeholder is the image that config/manager names.
const placeholder = "registry.example.com/itwin-webhook-operator"

func (r *release) writeManifests() error {
	for file, folder := range manifests {
		content, err := r.render(folder)
		if err != nil {
			return fmt.Errorf("config/%s: %w", folder, err)
		}
		header := fmt.Sprintf("# %s %s: config/%s\n", operator, r.version, folder)
		if err := r.write(file, append([]byte(header), content...)); err != nil {
			return err
		}
	}
	return nil
}

// render builds an overlay of a folder of config that sets the image.
func (r *release) render(folder string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	base, err := relative(dir, filepath.Join(r.root, "config", folder))
	if err != nil {
		return nil, err
	}
	overlay, err := yaml.Marshal(types.Kustomization{
		Resources: []string{base},
		Images:    []types.Image{{Name: placeholder, NewName: r.name(operator), Digest: r.images[operator].digest}},
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), overlay, 0o600); err != nil {
		return nil, err
	}
	return build(dir)
}

// relative is the path of a folder seen from another one: kustomize takes no other for a folder elsewhere.
func relative(from, to string) (string, error) {
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	if to, err = filepath.EvalSymlinks(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}

// build renders a kustomization as kubectl kustomize does.
func build(dir string) ([]byte, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy
	objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	return objects.AsYaml()
}
