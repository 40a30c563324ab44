package stripecopy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// jsonFile reads objects as Stripe's API writes them, one to a line, or in an array, or in
// pages of lists, on however many lines.
type jsonFile struct {
	*file
	c     *Copy
	yield func(rightful.MirrorObject) bool
	line  int // of what is read, from 1

	// open are the lists of which the last page says that more follow, with its line.
	open map[string]int
}

func (f *jsonFile) at() string { return f.name + ":" + strconv.Itoa(f.line) }

// read looks at the first line: when it is one value, each line is.
func (f *jsonFile) read(ctx context.Context) error {
	f.open = map[string]int{}
	first, whole, err := readLine(f.in, lineLimit)
	if err != nil {
		return f.cut(err)
	}
	if whole && jsontext.Value(first).IsValid() {
		err = f.lines(ctx, first)
	} else {
		err = f.values(ctx, first)
	}
	if err != nil {
		return err
	}
	for list, line := range f.open {
		f.line = line
		f.c.bad(f.at(), "this page of "+list+" says that more follow (has_more), and they are not there")
	}
	return nil
}

// lines reads a value from each line. What is wrong with one says nothing about the next.
func (f *jsonFile) lines(ctx context.Context, line []byte) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if value := bytes.TrimSpace(line); len(value) > 0 {
			if more, err := f.value(value); err != nil || !more {
				return err
			}
		}
		var whole bool
		var err error
		line, whole, err = readLine(f.in, lineLimit)
		f.line++
		if err != nil {
			return f.cut(err)
		}
		if line == nil {
			return nil
		}
		if !whole {
			f.c.bad(f.at(), fmt.Sprintf("the line has more than %d bytes", lineLimit))
			line = []byte{}
			if err := skipLine(f.in); err != nil {
				return f.cut(err)
			}
		}
	}
}

// readLine reads up to limit bytes of a line; whole tells that its end was reached. At the
// end of the file there is none.
func readLine(in *bufio.Reader, limit int) (line []byte, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return line, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		case len(line) >= limit:
			return line, false, nil
		}
	}
}

// skipLine reads on to the end of a line.
func skipLine(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// values reads one value after the other, wherever lines end, and the elements of an array
// one by one. Behind something that is no JSON nothing can be read.
func (f *jsonFile) values(ctx context.Context, first []byte) error {
	before := f.line
	in := &bounded{in: io.MultiReader(bytes.NewReader(first), f.in), limit: valueLimit}
	dec := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true)) // decoding looks at names
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		kind := dec.PeekKind()
		if array := kind == '[' && dec.StackDepth() == 0; array || kind == ']' {
			if _, err := dec.ReadToken(); err != nil {
				return f.broken(err, in, before)
			}
			in.done(dec.InputOffset())
			continue
		}
		value, err := dec.ReadValue()
		if errors.Is(err, io.EOF) && dec.StackDepth() == 0 {
			return nil
		}
		if err != nil {
			return f.broken(err, in, before)
		}
		f.line = before + in.line(dec.InputOffset()-int64(len(value)))
		if more, err := f.value(value); err != nil || !more {
			return err
		}
		in.done(dec.InputOffset())
	}
}

// broken says where a file stops being JSON.
func (f *jsonFile) broken(err error, in *bounded, before int) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooBig):
		f.line = before + in.line(in.since)
		return invalid(f.at(), fmt.Sprintf("a value of more than %d bytes begins here", valueLimit), "write one object to a line")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		f.line = before + in.line(in.at-1)
		return invalid(f.at(), "the file ends in the middle of a value", "check that the export came to its end")
	case errors.As(err, &syntax):
		f.line = before + in.line(max(syntax.ByteOffset, in.since))
		return invalid(f.at(), "this is no JSON, and nothing behind it can be read", "give Stripe's objects as JSON, one to a line")
	}
	return f.cut(err)
}

// envelope is what is looked at before a value is decoded.
type envelope struct {
	Object  string           `json:"object"`
	Data    []jsontext.Value `json:"data"`
	HasMore bool             `json:"has_more"`
}

// value reads an object, or the objects of a page.
func (f *jsonFile) value(raw []byte) (more bool, err error) {
	if raw[0] == '[' {
		var all []jsontext.Value
		if err := json.Unmarshal(raw, &all, jsontext.AllowDuplicateNames(true)); err != nil {
			f.c.bad(f.at(), "this is no JSON")
			return true, nil
		}
		return f.each(all)
	}
	said, err := objectOf(raw)
	if err != nil {
		f.c.bad(f.at(), "this is no JSON object")
		return true, nil
	}
	if said != "list" && said != "search_result" {
		return f.object(raw, said)
	}
	var e envelope
	if err := json.Unmarshal(raw, &e, jsontext.AllowDuplicateNames(true)); err != nil {
		f.c.bad(f.at(), "this is no page of a list")
		return true, nil
	}
	if len(e.Data) > 0 {
		list, _ := objectOf(e.Data[0])
		if e.HasMore {
			f.open[short(list)] = f.line
		} else {
			delete(f.open, short(list))
		}
	}
	return f.each(e.Data)
}

func (f *jsonFile) each(values []jsontext.Value) (more bool, err error) {
	for _, v := range values {
		said, err := objectOf(v)
		if err != nil {
			f.c.bad(f.at(), "this is no JSON object")
			continue
		}
		if more, err := f.object(v, said); err != nil || !more {
			return more, err
		}
	}
	return true, nil
}

// objectOf returns what an object says that it is.
func objectOf(raw []byte) (string, error) {
	var e struct {
		Object string `json:"object"`
	}
	err := json.Unmarshal(raw, &e, jsontext.AllowDuplicateNames(true))
	return e.Object, err
}

// object reads one object, unless it is of a type that is not listed.
func (f *jsonFile) object(raw []byte, said string) (more bool, err error) {
	t := rightful.ObjectType(said)
	switch {
	case said == "":
		f.c.bad(f.at(), `there is no "object" that says what this is`)
		return true, nil
	case !slices.Contains(rightful.ListedTypes(), t):
		f.c.left.OtherTypes++
		return true, nil
	}
	more, err = f.c.decode(raw, t, 0, f.yield)
	if err != nil {
		f.c.bad(f.at(), err.Error())
		return true, nil
	}
	return more, nil
}

// short is a name for people.
func short(name string) string {
	if len(name) > 40 {
		return name[:40] + "..."
	}
	return name
}
