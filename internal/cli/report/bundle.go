package report

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"webhook-operator.io/itwin/internal/cli/output"
)

// folder is what all files of a bundle are in.
const folder = "itwin-report"

// bundle is a .tar.gz that is being written.
type bundle struct {
	tar    *tar.Writer
	zip    *gzip.Writer
	now    time.Time
	redact *redactor
	// left is what could not be read, and why.
	left []string
}

func newBundle(out io.Writer, now time.Time, redact *redactor) *bundle {
	zip := gzip.NewWriter(out)
	return &bundle{tar: tar.NewWriter(zip), zip: zip, now: now, redact: redact}
}

// add writes a file.
func (b *bundle) add(name string, data []byte) error {
	header := &tar.Header{Name: path.Join(folder, name), Mode: 0o600, Size: int64(len(data)), ModTime: b.now}
	if err := b.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err := b.tar.Write(data)
	return err
}

// addObjects writes objects as a file of YAML, redacted.
func (b *bundle) addObjects(name string, objects []map[string]any) error {
	var file bytes.Buffer
	for _, o := range objects {
		b.redact.object(o)
		data, err := yaml.Marshal(o)
		if err != nil {
			return err
		}
		fmt.Fprintf(&file, "---\n%s", data)
	}
	return b.add(name, file.Bytes())
}

// addValue writes what this program found as a file of YAML, redacted.
func (b *bundle) addValue(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		return err
	}
	if data, err = yaml.Marshal(b.redact.value(plain)); err != nil {
		return err
	}
	return b.add(name, data)
}

// leave notes what could not be read.
func (b *bundle) leave(what string, err error) {
	text := strings.Join(strings.Fields(output.Clean(err.Error())), " ")
	b.left = append(b.left, b.redact.text(fmt.Sprintf("%s: %s", what, text)))
}

// close ends the file.
func (b *bundle) close() error {
	if len(b.left) > 0 {
		if err := b.add("left-out.txt", []byte(strings.Join(b.left, "\n")+"\n")); err != nil {
			return err
		}
	}
	if err := b.tar.Close(); err != nil {
		return err
	}
	return b.zip.Close()
}
