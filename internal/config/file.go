package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"rightful"
)

// file is where a config came from.
type file struct {
	name  string
	first int // line of the file on which the config starts, from 1
	at    map[string]place

	keys []string // that the file may have, for hints
	docs string   // the page that shows them
}

type place struct{ line, column int }

// Read reads and validates the config file at path. env looks variables up, as
// os.LookupEnv does.
func Read(path string, env func(string) (string, bool)) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		hint := "give the path of your rightful.yaml with --config"
		if errors.Is(err, os.ErrNotExist) {
			hint = "write one (the README shows the least it needs), give another path with --config, or try rightful demo"
		}
		var pe *os.PathError
		message := err.Error()
		if errors.As(err, &pe) {
			message = pe.Err.Error()
		}
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: path, Message: message, Hint: hint, Err: err}
	}
	c, err := parse(&file{name: path, first: 1}, raw, env)
	if err != nil {
		return nil, err
	}
	return c, c.validate()
}

// ParseWorld reads the config section of a world, which starts on the given
// line of the file. Nothing in a world is taken from the environment: worlds
// come from other people.
func ParseWorld(name string, line int, raw []byte) (*Config, error) {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	c, err := parse(&file{name: name, first: max(line, 1)}, raw, nil)
	if err != nil {
		return nil, err
	}
	return c, c.validateShared()
}

func parse(f *file, raw []byte, env func(string) (string, bool)) (*Config, error) {
	f.at, f.keys, f.docs = map[string]place{}, keys, "docs/configuration.md"
	c := &Config{file: f}
	parsed, err := parser.ParseBytes(shield(raw), 0)
	if err != nil {
		return nil, f.yamlError(err)
	}
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		w := &walker{file: f, env: env}
		w.walk("", doc.Body)
		if err := w.missing(); err != nil {
			return nil, err
		}
		if err := yaml.NodeToValue(doc.Body, c, yaml.Strict()); err != nil {
			return nil, f.yamlError(err)
		}
		break
	}
	return c, nil
}

// variable matches ${NAME}.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// shielded matches what shield makes of it.
var shielded = regexp.MustCompile(`\$<([A-Za-z_][A-Za-z0-9_]*)>`)

// shield makes ${NAME} safe inside YAML's flow mappings, where braces mean
// something else. It keeps every column, so that errors point right, and it
// runs before any value is known, so that a value can never become YAML.
func shield(raw []byte) []byte { return variable.ReplaceAll(raw, []byte(`$$<$1>`)) }

// walker visits every node: it notes where each path stands and fills in the
// environment.
type walker struct {
	*file
	env      func(string) (string, bool)
	verbatim bool // values stand as they are: the file has no variables
	unset    []unset
}

func (w *walker) walk(path string, n ast.Node) {
	if n == nil {
		return
	}
	if t := n.GetToken(); t != nil {
		if _, known := w.at[path]; !known {
			w.at[path] = place{line: t.Position.Line, column: t.Position.Column}
		}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			w.walk(path, v)
		}
	case *ast.MappingValueNode:
		key := join(path, n.Key.GetToken().Value)
		w.at[key] = place{line: n.Key.GetToken().Position.Line, column: n.Key.GetToken().Position.Column}
		w.walk(key, n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			w.walk(fmt.Sprintf("%s[%d]", path, i), v)
		}
	case *ast.StringNode:
		n.Value = w.expand(path, n.Value, n.GetToken().Position.Line, n.GetToken().Position.Column)
	case *ast.LiteralNode:
		n.Value.Value = w.expand(path, n.Value.Value, n.GetToken().Position.Line, n.GetToken().Position.Column)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// expand fills in the variables of one value.
func (w *walker) expand(path, value string, line, column int) string {
	if w.verbatim {
		return value
	}
	return shielded.ReplaceAllStringFunc(value, func(m string) string {
		name := shielded.FindStringSubmatch(m)[1]
		if w.env == nil {
			return "${" + name + "}"
		}
		v, ok := w.env(name)
		if !ok || v == "" {
			w.unset = append(w.unset, unset{name, path, place{line, column}})
		}
		return v
	})
}

// unset is a variable that a value names and the environment does not.
type unset struct {
	name, path string
	at         place
}

// missing is the error about every variable that is not set, at the first of them, so
// that one run tells all.
func (w *walker) missing() error {
	if len(w.unset) == 0 {
		return nil
	}
	first := w.unset[0]
	message := fmt.Sprintf("%s uses the environment variable %s, which is not set", first.path, first.name)
	names := []string{first.name}
	for _, u := range w.unset[1:] {
		if !slices.Contains(names, u.name) {
			names = append(names, u.name)
			message += fmt.Sprintf("; %s uses %s, which is not set either", u.path, u.name)
		}
	}
	return &rightful.Error{
		Kind: rightful.KindInvalid, Place: w.position(first.at), Message: message,
		Hint: "export " + strings.Join(names, "=... ") + "=... and run again",
	}
}

func (f *file) position(p place) string {
	return fmt.Sprintf("%s:%d:%d", f.name, p.line+f.first-1, p.column)
}

// Locate turns a config path, such as directory.users, into file, line and
// column. A path that does not stand in the file comes back with its file.
func (c *Config) Locate(path string) string {
	if c == nil || c.file == nil {
		return path
	}
	for p := c.listed(path); p != ""; {
		if at, ok := c.file.at[p]; ok {
			return c.file.position(at) + ": " + path
		}
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	return c.file.name + ": " + path
}

// At returns where a config path stands, as file, line and column; "" when it is
// not in the file.
func (c *Config) At(path string) string {
	at, ok := c.file.at[c.listed(path)]
	if !ok {
		return ""
	}
	return c.file.position(at)
}

// Known reports whether the path stands in the file.
func (c *Config) Known(path string) bool {
	_, ok := c.file.at[c.listed(path)]
	return ok
}

// yamlError turns the library's error into ours.
func (f *file) yamlError(err error) error {
	out := &rightful.Error{Kind: rightful.KindInvalid, Place: f.name, Message: "cannot be read as YAML", Err: err}
	var own *rightful.Error
	if errors.As(err, &own) {
		return own
	}
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return out
	}
	out.Message = unshield(ye.GetMessage())
	if t := ye.GetToken(); t != nil {
		out.Place = f.position(place{t.Position.Line, t.Position.Column})
		var unknown *yaml.UnknownFieldError
		var wrong *yaml.TypeError
		switch {
		case errors.As(err, &unknown):
			out.Message = fmt.Sprintf("there is no key %q here", t.Value)
			out.Hint = f.nearest(t.Value)
		case errors.As(err, &wrong):
			out.Message = fmt.Sprintf("%q stands where %s is wanted", t.Value, wanted(wrong.DstType.Kind()))
		}
	}
	if out.Hint == "" {
		out.Hint = f.docs + " shows every key with an example"
	}
	return out
}

// wanted names a kind of value as people who write YAML do.
func wanted(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64, reflect.Int:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list"
	}
	return "a mapping of keys to values"
}

func unshield(s string) string { return shielded.ReplaceAllString(s, `$${$1}`) }

// keys are all keys that a config can have, for hints.
var keys = []string{
	"company", "metadata_key", "also_read", "user_key", "ownership", "key", "value", "directory", "dsn", "companies",
	"users", "memberships", "subscriptions", "links", "resolve", "write", "placeholder_customers", "company_customer",
	"link_customer", "link_insert", "link_delete", "subscription_company", "subscription_customer", "subscription_status", "subscription_insert", "subscription_delete", "stripe", "account",
	"livemode", "rate", "endpoint", "api_base", "webhook_secrets", "state", "cache", "url", "ca", "cluster", "keys", "pattern", "holds",
	"decode", "resolver_probe", "json", "headers", "revision_url", "revision_json", "expect_revision", "command",
	"revision_command", "none_status", "timeout", "codes", "serve", "listen",
	"tokens", "name", "token", "scopes", "tls", "cert", "trusted_proxies", "concurrency", "drain_for", "stop_within", "request_time", "gateway", "mode", "rules",
	"webhooks", "tolerance", "max_body", "catch_up", "notify", "secret",
	"alerts", "to", "on", "severity", "every", "show", "threshold", "routing_key", "smtp", "from", "recipients", "audits", "overdue_after", "mirror", "sync", "sweep",
	"schedule", "audit", "cron", "monthly_reads", "lease", "job_pages",
}

// nearest returns a hint with the key that looks most like a mistyped one.
func (f *file) nearest(key string) string {
	best := slices.MinFunc(f.keys, func(a, b string) int { return distance(key, a) - distance(key, b) })
	if distance(key, best) <= 1+len(key)/3 {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return f.docs + " lists every key"
}

// distance is the number of edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
