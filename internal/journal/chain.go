package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Head is the end of the chain. It is kept apart from the records, so that a cut
// tail is found.
type Head struct {
	Records int64
	Hash    string // of the last record; empty when there is none
}

// Record is what is about to become an entry.
type Record struct {
	Kind Kind
	Body any
}

// Next returns the entry that follows the head, and the head after it. The
// record is refused if it holds a secret where a value stands, and without it
// where a text for people does.
func (h Head) Next(run string, at int64, r Record) (Entry, Head, error) {
	body, err := encode(r.Body)
	if err != nil {
		return Entry{}, h, err
	}
	e := Entry{Seq: h.Records + 1, Run: run, At: at, Kind: r.Kind, Body: body, Prev: h.Hash}
	if e.Hash, err = e.sum(); err != nil {
		return Entry{}, h, err
	}
	return e, Head{Records: e.Seq, Hash: e.Hash}, nil
}

// encode returns a body as canonical JSON.
func encode(body any) (jsontext.Value, error) {
	body, err := withoutSecrets(body)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(body, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	return value, value.Canonicalize()
}

// sum returns the hash of everything but the hash.
func (e Entry) sum() (string, error) {
	raw, err := json.Marshal(struct {
		Seq  int64          `json:"seq"`
		Run  string         `json:"run"`
		At   int64          `json:"at"`
		Kind Kind           `json:"kind"`
		Body jsontext.Value `json:"body"`
		Prev string         `json:"prev"`
	}{e.Seq, e.Run, e.At, e.Kind, e.Body, e.Prev})
	if err != nil {
		return "", err
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:]), nil
}

// Check is what came of walking the chain.
type Check struct {
	Records int64    `json:"records"` // as the head says
	Head    string   `json:"head"`    // the hash of the last record
	Broken  *Broken  `json:"broken"`  // the first broken record; nil when the chain is whole
	Stale   []string `json:"stale"`   // runs of which the table of runs says something else than the records
}

// Whole reports whether the journal is as it was written.
func (c Check) Whole() bool { return c.Broken == nil }

// Broken is the first record that is not as it was written.
type Broken struct {
	Seq  int64  `json:"seq"`
	Run  string `json:"run"`  // as the record says; empty when there is none
	Kind Kind   `json:"kind"` // the same
	Why  string `json:"why"`
}

// Walker checks records in their order.
type Walker struct{ last Head }

// Next checks the record that follows those before; nil when it is as it was
// written.
func (w *Walker) Next(e Entry) *Broken {
	broken := func(why string) *Broken { return &Broken{Seq: e.Seq, Run: e.Run, Kind: e.Kind, Why: why} }
	if want := w.last.Records + 1; e.Seq != want {
		return &Broken{Seq: want, Why: "it was removed: record " + fmt.Sprint(e.Seq) + " comes next"}
	}
	canonical := e.Body.Clone()
	if err := canonical.Canonicalize(); err != nil || !bytes.Equal(canonical, e.Body) {
		return broken("it was changed: what it says is not in the form that was written")
	}
	switch sum, err := e.sum(); {
	case err != nil, sum != e.Hash:
		return broken("it was changed, or put there later: its hash does not fit what it says")
	case e.Prev != w.last.Hash:
		return broken(fmt.Sprintf("it does not follow record %d: one of the two was replaced", w.last.Records))
	}
	w.last = Head{Records: e.Seq, Hash: e.Hash}
	return nil
}

// HashLength is how many characters a hash has.
const HashLength = 2 * sha256.Size

// Expect looks whether a record that somebody noted earlier is still there: whoever
// rewrites the whole chain cannot rewrite the note.
func Expect(entries iter.Seq2[Entry, error], seq int64, hash string) (*Broken, error) {
	for e, err := range entries {
		switch {
		case err != nil:
			return nil, err
		case e.Seq == seq && e.Hash == hash:
			return nil, nil
		case e.Seq == seq:
			return &Broken{Seq: seq, Run: e.Run, Kind: e.Kind, Why: "it is not the one that was expected: the chain was written anew"}, nil
		}
	}
	return &Broken{Seq: seq, Why: "it was expected, and it is not there: the chain was written anew"}, nil
}

// End compares the last record that the head counts, and the last one that there
// is, with the head.
func (w *Walker) End(head Head, last int64) *Broken {
	switch {
	case w.last.Records < head.Records:
		return &Broken{Seq: w.last.Records + 1, Why: fmt.Sprintf("the end was cut off: %d records were written", head.Records)}
	case last > head.Records:
		return &Broken{Seq: head.Records + 1, Why: fmt.Sprintf("it was put there later: %d records were written", head.Records)}
	case w.last.Hash != head.Hash:
		return &Broken{Seq: head.Records, Why: "it was replaced: another record was written last"}
	}
	return nil
}
