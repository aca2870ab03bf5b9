package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// writeBills writes for each image a bill of materials: the modules in its programs, as the programs themselves say.
func (r *release) writeBills() error {
	for name, image := range r.images {
		bill, err := r.bill(name, image)
		if err != nil {
			return fmt.Errorf("bill of materials of %s: %w", name, err)
		}
		var content bytes.Buffer
		if err := cyclonedx.NewBOMEncoder(&content, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bill); err != nil {
			return err
		}
		if err := r.write(fmt.Sprintf("%s-%s.cdx.json", name, r.version), content.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) bill(name string, image image) (*cyclonedx.BOM, error) {
	components, err := modules(image.binaries)
	if err != nil {
		return nil, err
	}
	subject := cyclonedx.Component{
		BOMRef: "pkg:oci/" + name + "@" + image.digest, Type: cyclonedx.ComponentTypeContainer,
		Name: r.name(name), Version: r.version,
		PackageURL: fmt.Sprintf("pkg:oci/%s@%s?repository_url=%s", name, strings.Replace(image.digest, ":", "%3A", 1),
			r.name(name)),
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
	}
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
