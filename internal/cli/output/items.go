package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// Items writes a list as {"items": [...]} in JSON, or the same in YAML, item by item.
type Items struct {
	out    io.Writer
	format Format
	count  int
}

// NewItems begins a list.
func NewItems(out io.Writer, format Format) *Items { return &Items{out: out, format: format} }

// Add writes one item.
func (i *Items) Add(item any) error {
	i.count++
	if i.format == YAML {
		return i.addYAML(item)
	}
	data, err := marshal(item, "    ")
	if err != nil {
		return err
	}
	begin := ",\n    "
	if i.count == 1 {
		begin = "{\n  \"items\": [\n    "
	}
	_, err = fmt.Fprintf(i.out, "%s%s", begin, data)
	return err
}

func (i *Items) addYAML(item any) error {
	data, err := yaml.Marshal([]any{item})
	if err != nil {
		return err
	}
	if i.count == 1 {
		data = append([]byte("items:\n"), data...)
	}
	_, err = i.out.Write(data)
	return err
}

// Close ends the list.
func (i *Items) Close() error {
	text := "\n  ]\n}\n"
	switch {
	case i.format == YAML && i.count == 0:
		text = "items: []\n"
	case i.format == YAML:
		text = ""
	case i.count == 0:
		text = "{\n  \"items\": []\n}\n"
	}
	_, err := io.WriteString(i.out, text)
	return err
}

// Value writes one value in JSON or YAML.
func Value(out io.Writer, format Format, value any) error {
	if format == YAML {
		data, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	}
	data, err := marshal(value, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", data)
	return err
}

// marshal writes no HTML escapes: URLs have ampersands.
func marshal(value any, prefix string) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}
