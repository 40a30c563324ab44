package stripecopy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"rightful"
	"rightful/internal/pull"
)

// stdin is how standard input is named.
const stdin = "-"

// lineLimit is how long a line of JSON may be, and valueLimit how big one value that goes
// over several lines: a list page of 100 objects has about half a million bytes.
const (
	lineLimit  = 16 << 20
	valueLimit = 64 << 20
	rowLimit   = 1 << 20 // of CSV
)

// file is one file, or standard input.
type file struct {
	name   string
	opened io.Closer
	in     *bufio.Reader
}

// openFile opens a file and looks at its beginning.
func openFile(ctx context.Context, name string, in io.Reader) (source, error) {
	f := &file{name: place(name), opened: io.NopCloser(nil)}
	if name != stdin {
		opened, err := open(ctx, name)
		if err != nil {
			return nil, f.unopened(err)
		}
		f.opened, in = opened, opened
		if info, err := opened.Stat(); err == nil && info.IsDir() {
			_ = opened.Close()
			return nil, invalid(name, "this is a folder", "name its files: --from "+name+"/customers.jsonl")
		} else if err != nil || !info.Mode().IsRegular() {
			in = &waiting{ctx: ctx, in: in} // a pipe has what somebody else writes, when he does
		}
	} else {
		in = &waiting{ctx: ctx, in: in}
	}
	f.in = bufio.NewReaderSize(in, 1<<16)
	if err := f.begin(); err != nil {
		_ = f.opened.Close()
		return nil, err
	}
	return f, nil
}

// open opens a file. A pipe opens only when somebody writes into it: nobody waits for that
// longer than the context lives.
func open(ctx context.Context, name string) (*os.File, error) {
	type answer struct {
		f   *os.File
		err error
	}
	answers := make(chan answer)
	go func() {
		f, err := os.Open(name)
		select {
		case answers <- answer{f, err}:
		case <-ctx.Done():
			if err == nil {
				_ = f.Close()
			}
		}
	}()
	select {
	case a := <-answers:
		return a.f, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// waiting is a reader that may have nothing for a long time, as a person has: nobody waits
// for it longer than the context lives.
type waiting struct {
	ctx  context.Context
	in   io.Reader
	into []byte // whoever still reads into it when nobody waits any more does no harm
}

func (w *waiting) Read(p []byte) (int, error) {
	type answer struct {
		n   int
		err error
	}
	if len(w.into) < len(p) {
		w.into = make([]byte, len(p))
	}
	answers := make(chan answer, 1)
	go func() {
		n, err := w.in.Read(w.into[:len(p)])
		answers <- answer{n, err}
	}()
	select {
	case a := <-answers:
		return copy(p, w.into[:a.n]), a.err
	case <-w.ctx.Done():
		return 0, context.Cause(w.ctx)
	}
}

// unopened says why a file cannot be opened.
func (f *file) unopened(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &rightful.Error{Kind: rightful.KindNotFound, Place: f.name, Message: "no such file", Hint: "--from takes a file of JSON or CSV, - for standard input, or postgres://", Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &rightful.Error{Kind: rightful.KindForbidden, Place: f.name, Message: "this file may not be read", Err: err}
	}
	return &rightful.Error{Kind: rightful.KindUnavailable, Place: f.name, Message: "the file cannot be read", Err: err}
}

// begin unpacks what is packed, and refuses what is no text.
func (f *file) begin() error {
	head, err := f.in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return f.cut(err)
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(f.in)
		if err != nil {
			return f.cut(err)
		}
		f.in = bufio.NewReaderSize(unpacked, 1<<16)
		if head, err = f.in.Peek(512); err != nil && !errors.Is(err, io.EOF) {
			return f.cut(err)
		}
	}
	head = bytes.TrimPrefix(head, []byte("\ufeff"))
	switch {
	case len(bytes.TrimSpace(head)) == 0 && len(head) < 500:
		return invalid(f.name, "there is nothing in it", "check that the export came to its end")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return invalid(f.name, "this is a zip archive", "unpack it, and name the files in it; .gz can be read as it is")
	case bytes.IndexByte(head, 0) >= 0, !text(head):
		return invalid(f.name, "this is neither JSON nor CSV: it is no text", "give Stripe's objects as JSON, one to a line, or a CSV export of the dashboard")
	}
	return nil
}

// text reports whether the beginning of a file is UTF-8, as far as its last character may
// be cut.
func text(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n <= 1 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head)
		}
		head = head[n:]
	}
	return true
}

// cut says that a file ends, or breaks, where it should not.
func (f *file) cut(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	message, hint := "the file cannot be read to its end", "copy it again"
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		message = "the packed file is damaged, or was not copied to its end"
	}
	return &rightful.Error{Kind: rightful.KindUnavailable, Place: f.name, Message: message, Hint: hint, Err: err}
}

// objects reads JSON where the file begins like it, and CSV otherwise.
func (f *file) objects(ctx context.Context, c *Copy, yield func(rightful.MirrorObject) bool) error {
	if head, _ := f.in.Peek(3); string(head) == "\ufeff" {
		_, _ = f.in.Discard(3)
	}
	line := 1
	for {
		b, err := f.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return invalid(f.name, "there is nothing in it", "check that the export came to its end")
		}
		if err != nil {
			return f.cut(err)
		}
		if b == '\n' {
			line++
		}
		if bytes.IndexByte([]byte(" \t\r\n"), b) >= 0 {
			continue
		}
		_ = f.in.UnreadByte() // a byte was just read
		if b == '{' || b == '[' {
			return (&jsonFile{file: f, c: c, yield: yield, line: line}).read(ctx)
		}
		return (&csvFile{file: f, c: c, yield: yield, line: line}).read(ctx)
	}
}

func (f *file) close() error { return f.opened.Close() }

// bounded passes on no more bytes than a value may have, and counts lines.
type bounded struct {
	in    io.Reader
	limit int64
	at    int64 // bytes that were passed on
	since int64 // where the value under way begins
	lines []int64
	known int // lines that end before since
}

// errTooBig is what bounded returns when a value has more bytes than it may.
var errTooBig = errors.New("a value is too big")

func (b *bounded) Read(p []byte) (int, error) {
	room := b.limit - (b.at - b.since)
	if room <= 0 {
		return 0, errTooBig
	}
	n, err := b.in.Read(p[:min(int64(len(p)), room)])
	for i, c := range p[:n] {
		if c == '\n' {
			b.lines = append(b.lines, b.at+int64(i))
		}
	}
	b.at += int64(n)
	return n, err
}

// done says that everything before an offset was taken.
func (b *bounded) done(offset int64) {
	b.since = min(offset, b.at)
	n := 0
	for n < len(b.lines) && b.lines[n] < b.since {
		n++
	}
	b.known += n
	b.lines = b.lines[n:]
}

// line returns the line of an offset that is not before what is done, from 0.
func (b *bounded) line(offset int64) int {
	n := 0
	for n < len(b.lines) && b.lines[n] < offset {
		n++
	}
	return b.known + n
}

// claims is empty: a file does not say what it is all of.
func (f *file) claims() []pull.Claim { return nil }
