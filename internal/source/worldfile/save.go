package worldfile

import (
	"fmt"
	"os"
	"path/filepath"

	"rightful"
	"rightful/internal/replacefile"
)

// Bytes returns the world as a file, with everything that was written into it.
// What was not changed is as it was, byte for byte.
func (w *World) Bytes() []byte {
	out := w.raw
	if w.changes.changed() {
		out = w.editSection(out, "db")
		out = w.editSection(out, "stripe")
	}
	if len(w.changes.uncached) > 0 {
		cached := removeMembers(find(out, "cache"), func(name string) bool { return w.changes.uncached[name] })
		out = setMember(out, "cache", cached)
	}
	for key, text := range w.changes.recached {
		out = setMember(out, "cache", setMember(find(out, "cache"), key, text))
	}
	return out
}

// editSection puts the changed rows or objects of one section into the file.
func (w *World) editSection(file []byte, name string) []byte {
	section := find(file, name)
	if section == nil {
		return file
	}
	byList := map[string]map[int][]byte{}
	for at, text := range w.changes.values {
		if at.section != name {
			continue
		}
		if byList[at.list] == nil {
			byList[at.list] = map[int][]byte{}
		}
		byList[at.list][at.index] = text
	}
	for list, texts := range byList {
		section = setMember(section, list, replaceElements(find(section, list), texts))
	}
	if name != "db" {
		return setMember(file, name, section)
	}
	for list := range w.tables {
		if text := w.editRows(find(section, list), list); text != nil {
			section = setMember(section, list, text)
		}
	}
	return setMember(file, name, section)
}

// editRows puts the rows that were added to a table into its text, and takes out
// those that are gone. It returns nil when there are none.
func (w *World) editRows(array []byte, list string) []byte {
	appended, gone := w.changes.appended[list], map[int]bool{}
	for at := range w.changes.removed {
		if at.list == list {
			gone[at.index] = true
		}
	}
	if appended+len(gone) == 0 {
		return nil
	}
	if len(array) == 0 || array[0] != '[' {
		array = []byte("[]")
	}
	array = removeElements(array, gone)
	rows := w.tables[list]
	for i := len(rows) - appended; i < len(rows); i++ {
		if !gone[i] {
			array = appendElement(array, rows[i].value)
		}
	}
	return array
}

// replaceElements replaces elements of an array by index. An index beyond the
// end belongs to a row that was added later, and comes with it.
func replaceElements(array []byte, texts map[int][]byte) []byte {
	all, _ := elements(array)
	var out []byte
	from := 0
	for i, extent := range all {
		if text, changed := texts[i]; changed {
			out = append(out, array[from:extent[0]]...)
			out = append(out, text...)
			from = extent[1]
		}
	}
	return append(out, array[from:]...)
}

// Save writes the world to a file, at once or not at all. The file that the world
// was read from is replaced only if path is the very path it was read by: a link
// or a detour to it is a slip of the hand.
func (w *World) Save(path string) error {
	fail := func(kind rightful.ErrorKind, message, hint string, err error) error {
		return &rightful.Error{Kind: kind, Place: path, Message: message, Hint: hint, Err: err}
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		source, err := os.Stat(w.name)
		switch {
		case err == nil && os.SameFile(info, source) && filepath.Clean(path) != filepath.Clean(w.name):
			return fail(rightful.KindRefused, "this is the world that was read, under another name, and it is not replaced",
				fmt.Sprintf("write --save %s if that is what you want, or name another file", w.name), nil)
		case !info.Mode().IsRegular():
			return fail(rightful.KindInvalid, "this is no file", "name a file", nil)
		}
		mode = info.Mode().Perm()
	}
	if err := replacefile.Write(path, w.Bytes(), mode); err != nil {
		return fail(rightful.KindInvalid, "the world cannot be saved: "+reason(err), "name a file in a folder that can be written", err)
	}
	return nil
}
