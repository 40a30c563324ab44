package accept

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/replacefile"
)

// FileName is the name that the file has beside rightful.yaml.
const FileName = "rightful.accepted.yaml"

// header begins a file that rightful makes.
const header = `# Findings that are known and accepted: rightful audit and investigate do not
# count them. Each holds only while the finding is the same or less, and until
# its day. Written by rightful accept; made to be reviewed and committed.
`

// File is a file of accepted findings as it was read.
type File struct {
	List List

	path   string
	raw    []byte // nil when there is no file yet
	places *config.Places
}

// Read reads a file of accepted findings, strictly: what cannot be understood
// might silence the wrong thing. A file that does not exist holds none.
func Read(path string) (*File, error) {
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &File{path: path}, nil
	case err != nil:
		return nil, failed(path, "read", err)
	}
	return parse(path, raw)
}

// Exists reports whether the file was there when it was read.
func (f *File) Exists() bool { return f.raw != nil }

func failed(path, what string, err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		err = cause // without the path, which the place names
	}
	return &rightful.Error{Kind: rightful.KindInvalid, Place: path, Message: fmt.Sprintf("cannot be %s: %v", what, err), Hint: "check the path and its permissions", Err: err}
}

func parse(path string, raw []byte) (*File, error) {
	f := &File{path: path, raw: raw}
	var content struct {
		Accepted []Entry `yaml:"accepted"`
	}
	var err error
	if f.places, err = config.Strict(path, raw, &content, keys(), "docs/audit.md"); err != nil {
		return nil, err
	}
	f.List = content.Accepted
	first := map[string]int{}
	for i, e := range f.List {
		if err := f.validate(i, e); err != nil {
			return nil, err
		}
		if at, twice := first[e.Finding]; twice {
			return nil, f.places.Invalid(fmt.Sprintf("accepted[%d].finding", i),
				fmt.Sprintf("%s is accepted twice, first on line %d", e.Finding, f.places.Line(fmt.Sprintf("accepted[%d].finding", at))), "keep one of the two entries")
		}
		first[e.Finding] = i
	}
	return f, nil
}

// keys are the keys that the file may have.
func keys() []string {
	out := []string{"accepted", "type", "id"}
	for field := range reflect.TypeFor[Entry]().Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		out = append(out, key)
	}
	return out
}

var findingForm = regexp.MustCompile(`^(RF\d{3})-[0-9a-f]{10}$`)

func (f *File) validate(i int, e Entry) error {
	path := fmt.Sprintf("accepted[%d].", i)
	m := findingForm.FindStringSubmatch(e.Finding)
	switch {
	case m == nil:
		return f.places.Invalid(path+"finding", fmt.Sprintf("%q is not the id of a finding", e.Finding), "an id looks like RF101-0123456789; rightful audit --format json prints it")
	case string(e.Code) != m[1]:
		return f.places.Invalid(path+"code", fmt.Sprintf("%q is not the code of %s", e.Code, e.Finding), "write code: "+m[1])
	case e.Object.Type == "" || e.Object.ID == "":
		return f.places.Invalid(path+"object", "is missing its type or id", "object: {type: customer, id: cus_1}")
	case rank(e.Severity) < 0:
		return f.places.Invalid(path+"severity", fmt.Sprintf("%q is not a severity", e.Severity), "write error, warning or info")
	case strings.TrimSpace(e.Reason) == "":
		return f.places.Invalid(path+"reason", "is missing", "say why this finding is accepted; who reads it later needs to know")
	case !isDay(e.At):
		return f.places.Invalid(path+"at", fmt.Sprintf("%q is not a day", e.At), "write the day it was accepted: 2026-01-31")
	case e.Until != Never && !isDay(e.Until):
		return f.places.Invalid(path+"until", fmt.Sprintf("%q is neither a day nor never", e.Until), "write the last day it holds: 2026-01-31")
	}
	return nil
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// Write replaces the file by one with these entries. What people wrote around
// the entries that stay is kept where it can be. The file is changed at once or
// not at all, and not when somebody else changed it since it was read.
func (f *File) Write(list List) error {
	next, err := f.render(list)
	if err != nil {
		return err
	}
	path := f.path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays a link
	}
	mode := fs.FileMode(0o644) // it is committed beside the config, and holds no secret
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(path, "read", err)
	}
	if !bytes.Equal(now, f.raw) {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: path, Message: "was changed while rightful was at work; nothing was written", Hint: "run the command again"}
	}
	if err := replacefile.Write(path, next, mode); err != nil {
		return failed(path, "written", err)
	}
	return nil
}

// render returns the new content. It edits the text, so that comments and order
// stay; where the text has a form that cannot be edited line by line, it is
// written anew.
func (f *File) render(list List) ([]byte, error) {
	edited := f.edit(list)
	if again, err := parse(f.path, edited); err == nil && sameEntries(again.List, list) {
		return edited, nil
	}
	anew := append([]byte(header+"accepted:\n"), block(list, "")...)
	if again, err := parse(f.path, anew); err != nil || !sameEntries(again.List, list) {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: f.path, Message: "these entries cannot be written so that they can be read again; nothing was written",
			Hint: "leave control characters out of reason and name", Err: err,
		}
	}
	return anew, nil
}

// edit cuts the lines of entries that are gone or changed out of the text, and
// adds new and changed ones at its end.
func (f *File) edit(list List) []byte {
	lines := bytes.SplitAfter(f.raw, []byte("\n"))
	next, before := list.ByFinding(), f.List.ByFinding()
	indent := ""
	var kept bytes.Buffer
	if len(f.List) == 0 {
		kept.WriteString(header + "accepted:\n")
	} else {
		start := func(i int) int { return f.places.Line(fmt.Sprintf("accepted[%d]", i)) - 1 }
		if l := lines[min(start(0), len(lines)-1)]; bytes.ContainsRune(l, '-') {
			indent = string(l[:len(l)-len(bytes.TrimLeft(l, " "))])
		}
		kept.Write(bytes.Join(lines[:start(0)], nil))
		for i, e := range f.List {
			end := len(lines)
			if i+1 < len(f.List) {
				end = start(i + 1)
			}
			piece := lines[min(start(i), end):end]
			if now, stays := next[e.Finding]; !stays || !reflect.DeepEqual(now, e) {
				piece = piece[len(piece)-notes(piece):] // they are about what follows
			}
			kept.Write(bytes.Join(piece, nil))
		}
	}
	var added List
	for _, e := range list {
		if was, had := before[e.Finding]; !had || !reflect.DeepEqual(was, e) {
			added = append(added, e)
		}
	}
	text := append(bytes.TrimRight(kept.Bytes(), "\n"), '\n')
	return append(text, block(added, indent)...)
}

// notes counts the comments and blank lines at the end of an entry.
func notes(lines [][]byte) int {
	n := 0
	for n < len(lines) {
		if l := bytes.TrimSpace(lines[len(lines)-1-n]); len(l) > 0 && l[0] != '#' {
			break
		}
		n++
	}
	return n
}

// sameEntries compares lists without their order.
func sameEntries(a, b List) bool {
	byID := func(l List) List {
		return slices.SortedFunc(slices.Values(l), func(x, y Entry) int { return strings.Compare(x.Finding, y.Finding) })
	}
	return reflect.DeepEqual(byID(a), byID(b))
}
