package importer

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/sixfold-router/sixfold/router/config"
)

// format writes the draft in canonical form, with a comment before each interface that tells where it comes from. What it returns
// is a valid configuration.
func (d *draft) format(format string) ([]byte, error) {
	text, err := config.Format(d.conf)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil || len(root.Content) != 1 {
		return nil, fmt.Errorf("read what was formatted: %w", err)
	}
	d.comment(root.Content[0], "", 0)
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Imported from %s (%s).\n", filepath.Base(d.file), format)
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&root); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	if _, _, err := config.Load("", out.Bytes()); err != nil {
		return nil, fmt.Errorf("what was imported is not valid: %w", err)
	}
	return out.Bytes(), nil
}

// comment gives the entries of maps at the top of the configuration the places that they come from.
func (d *draft) comment(n *yaml.Node, p path, depth int) {
	if n.Kind != yaml.MappingNode || depth > 1 {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := p.field(key.Value)
		if depth == 1 {
			at = p.entry(key.Value)
			if from, ok := d.from[at]; ok {
				key.HeadComment = "# " + filepath.Base(from.file) + ":" + strconv.Itoa(from.line)
			}
		}
		d.comment(n.Content[i+1], at, depth+1)
	}
}

func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}
