package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// writeBills writes for each image, and for the plugin, a bill of materials: the modules in its programs, as the
// programs themselves say.
func (r *release) writeBills() error {
	for name, image := range r.images {
		if err := r.writeBill(name, r.imageComponent(name, image.digest), image.binaries); err != nil {
			return err
		}
	}
	if len(r.plugins) == 0 {
		return nil
	}
	return r.writeBill(plugin, r.pluginComponent(), slices.Collect(maps.Values(r.plugins)))
}

// imageComponent describes an image.
func (r *release) imageComponent(name, digest string) cyclonedx.Component {
	return cyclonedx.Component{
		BOMRef: "pkg:oci/" + name + "@" + digest, Type: cyclonedx.ComponentTypeContainer,
		Name: r.name(name), Version: r.version,
		PackageURL: fmt.Sprintf("pkg:oci/%s@%s?repository_url=%s",
			name, strings.Replace(digest, ":", "%3A", 1), r.name(name)),
	}
}

// pluginComponent describes the plugin of kubectl.
func (r *release) pluginComponent() cyclonedx.Component {
	url := "pkg:golang/webhook-operator.io/itwin@v" + r.version + "#cmd/" + plugin
	return cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeApplication, Name: plugin, Version: r.version, PackageURL: url,
	}
}

func (r *release) writeBill(name string, subject cyclonedx.Component, binaries []string) error {
	bill, err := r.bill(subject, binaries)
	if err != nil {
		return fmt.Errorf("bill of materials of %s: %w", name, err)
	}
	var content bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&content, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bill); err != nil {
		return err
	}
	return r.write(fmt.Sprintf("%s-%s.cdx.json", name, r.version), content.Bytes())
}

func (r *release) bill(subject cyclonedx.Component, binaries []string) (*cyclonedx.BOM, error) {
	components, err := modules(binaries)
	if err != nil {
		return nil, err
	}
	subject.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}}
	refs := make([]string, 0, len(components))
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	bill := cyclonedx.NewBOM()
	bill.SerialNumber = "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(subject.BOMRef)).String()
	bill.Metadata = &cyclonedx.Metadata{Timestamp: r.at.Format(time.RFC3339), Component: &subject}
	bill.Components = &components
	bill.Dependencies = &[]cyclonedx.Dependency{{Ref: subject.BOMRef, Dependencies: &refs}}
	return bill, nil
}

// modules are those of all programs: what depends on the architecture may be in one alone.
func modules(binaries []string) ([]cyclonedx.Component, error) {
	found := map[string]cyclonedx.Component{}
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		library := &debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}
		for _, module := range append(info.Deps, library) {
			if module.Replace != nil {
				module = module.Replace
			}
			c := componentOf(module)
			found[c.BOMRef] = c
		}
	}
	components := make([]cyclonedx.Component, 0, len(found))
	for _, c := range found {
		components = append(components, c)
	}
	slices.SortFunc(components, func(a, b cyclonedx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	return components, nil
}

func componentOf(module *debug.Module) cyclonedx.Component {
	url := "pkg:golang/" + module.Path + "@" + module.Version
	c := cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: module.Path, Version: module.Version, PackageURL: url,
	}
	// "h1:" is SHA-256 over the module's files, as go.sum has it.
	sum, found := strings.CutPrefix(module.Sum, "h1:")
	if hash, err := base64.StdEncoding.DecodeString(sum); found && err == nil {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(hash)}}
	}
	return c
}
