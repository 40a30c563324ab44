package config

import (
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"rightful"
)

// Places says where in a YAML file each path stands.
type Places struct{ file *file }

// Strict decodes another YAML file of rightful's as strictly as rightful.yaml
// itself. Nothing in it is taken from the environment. known are the keys that
// it may have and docs the page that shows them, both for hints. A file that
// holds no value leaves into as it is.
func Strict(name string, raw []byte, into any, known []string, docs string) (*Places, error) {
	f := &file{name: name, first: 1, at: map[string]place{}, keys: known, docs: docs}
	parsed, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, f.yamlError(err)
	}
	seen := false
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if seen {
			at := doc.Body.GetToken().Position
			return nil, &rightful.Error{
				Kind: rightful.KindInvalid, Place: f.position(place{at.Line, at.Column}),
				Message: "a second YAML document begins here, and nobody would read it", Hint: "keep one document in the file",
			}
		}
		seen = true
		w := &walker{file: f, verbatim: true}
		w.walk("", doc.Body)
		if err := yaml.NodeToValue(doc.Body, into, yaml.Strict()); err != nil {
			return nil, f.yamlError(err)
		}
	}
	return &Places{file: f}, nil
}

// Invalid returns an error about a path of the file, with its line and column.
func (p *Places) Invalid(path, message, hint string) error {
	c := Config{file: p.file}
	return &rightful.Error{Kind: rightful.KindInvalid, Place: c.Locate(path), Message: message, Hint: hint}
}

// Line returns the line on which a path stands, 0 when it does not.
func (p *Places) Line(path string) int { return p.file.at[path].line }
