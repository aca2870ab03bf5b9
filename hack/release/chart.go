package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// writeChart packs the chart with the image set in its values. Helm's own packing tells the time in each file.
func (r *release) writeChart() error {
	chart, err := loader.LoadDir(filepath.Join(r.root, "charts", operator))
	if err != nil {
		return err
	}
	if chart.Metadata.Version != r.version || chart.Metadata.AppVersion != r.version {
		return fmt.Errorf("the chart's Chart.yaml says version %s and appVersion %s, VERSION says %s",
			chart.Metadata.Version, chart.Metadata.AppVersion, r.version)
	}
	slices.SortFunc(chart.Raw, func(a, b *common.File) int { return strings.Compare(a.Name, b.Name) })
	var content bytes.Buffer
	zip, err := gzip.NewWriterLevel(&content, gzip.BestCompression)
	if err != nil {
		return err
	}
	files := tar.NewWriter(zip)
	for _, file := range chart.Raw {
		if file.Name == "values.yaml" {
			if file.Data, err = r.withImage(file.Data); err != nil {
				return err
			}
		}
		if err := r.pack(files, operator+"/"+file.Name, file.Data); err != nil {
			return err
		}
	}
	if err := files.Close(); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	return r.write(fmt.Sprintf("%s-%s.tgz", operator, r.version), content.Bytes())
}

func (r *release) pack(files *tar.Writer, name string, content []byte) error {
	err := files.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Format: tar.FormatUSTAR, Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: r.at,
	})
	if err != nil {
		return err
	}
	_, err = files.Write(content)
	return err
}

// withImage sets the image in the text of the values, and so keeps the comments.
func (r *release) withImage(values []byte) ([]byte, error) {
	for before, after := range map[string]string{
		"  repository: " + placeholder + "\n": "  repository: " + r.name(operator) + "\n",
		"  digest: \"\"\n":                    "  digest: " + r.images[operator].digest + "\n",
	} {
		if n := bytes.Count(values, []byte(before)); n != 1 {
			return nil, fmt.Errorf("values.yaml has the line %q %d times, not once", before, n)
		}
		values = bytes.ReplaceAll(values, []byte(before), []byte(after))
	}
	return values, nil
}
