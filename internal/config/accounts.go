package config

import (
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// UnmarshalYAML reads one account or a list of them.
func (a *Accounts) UnmarshalYAML(n ast.Node) error {
	if _, isList := n.(*ast.SequenceNode); isList {
		var many []Stripe
		if err := yaml.NodeToValue(n, &many, yaml.Strict()); err != nil {
			return err
		}
		*a = many
		return nil
	}
	var one Stripe
	if err := yaml.NodeToValue(n, &one, yaml.Strict()); err != nil {
		return err
	}
	*a = Accounts{one}
	return nil
}
