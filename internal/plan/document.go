package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// hash returns the hash of the plan's content.
func (p *Plan) hash() string {
	content := *p
	content.Hash, content.MadeAt = "", 0
	raw, err := json.Marshal(content, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("plan: a plan that is no JSON: " + err.Error()) // it holds texts, numbers and lists of them
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Parse reads a plan document and checks it: that it is complete, that it is as
// it was made, and that it holds no write that a plan may not hold. name is used
// in errors, which are of kind invalid or refused.
func Parse(name string, raw []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(raw, &p, json.RejectUnknownMembers(true)); err != nil {
		return nil, unreadable(name, raw, err)
	}
	if p.Hash == "" {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: name, Message: "this is no plan: it has no hash",
			Hint: "make one with rightful plan --out " + name,
		}
	}
	if p.Hash != p.hash() {
		return nil, &rightful.Error{
			Kind: rightful.KindRefused, Place: name, Message: "the plan was changed after it was made: its hash does not fit its content",
			Hint: "plan again, and decide with --decide instead of by hand",
		}
	}
	if err := p.check(); err != nil {
		return nil, &rightful.Error{
			Kind: rightful.KindRefused, Place: name, Message: "this plan was not made by rightful: " + err.Error(), Hint: "plan again",
		}
	}
	return &p, nil
}

func unreadable(name string, raw []byte, err error) error {
	out := &rightful.Error{Kind: rightful.KindInvalid, Place: name, Message: "not a plan", Hint: "make one with rightful plan --out FILE", Err: err}
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	offset := int64(-1)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.ByteOffset
		out.Message = "not valid JSON: " + strings.TrimPrefix(syntax.Err.Error(), "jsontext: ")
	case errors.As(err, &semantic):
		offset = semantic.ByteOffset
		out.Message = "not a plan"
		if semantic.JSONPointer != "" {
			out.Message = "not a plan: " + strings.ReplaceAll(strings.Trim(string(semantic.JSONPointer), "/"), "/", ".") + " does not belong there, or is of another type"
		}
	}
	if offset >= 0 && offset <= int64(len(raw)) {
		before := raw[:offset]
		out.Place = fmt.Sprintf("%s:%d:%d", name, bytes.Count(before, []byte{'\n'})+1, len(before)-bytes.LastIndexByte(before, '\n'))
	}
	return out
}

// check reports what Make would never have made. The hash keeps slips of the
// hand away; this keeps away what was made by other means.
func (p *Plan) check() error {
	cells := map[string]bool{}
	for _, w := range p.Wishes {
		if err := w.check(); err != nil {
			return err
		}
	}
	for _, u := range p.Units {
		for _, s := range u.Steps {
			w := s.Proposal()
			if err := Writable(w); err != nil {
				return err
			}
			switch {
			case s.ID != stepID(w):
				return fmt.Errorf("%s is not the id of its step", s.ID)
			case cells[cell(w)]:
				return fmt.Errorf("two steps write %s of %s", s.Field, s.Object.ID)
			case len(s.Because) == 0 && !p.wished(s):
				return fmt.Errorf("%s has no finding", s.ID)
			case gives(w) && s.Decided == "":
				return fmt.Errorf("%s gives access, and nobody decided it", s.ID)
			case !same(s.Precondition.Value, s.From):
				return fmt.Errorf("%s demands another value than it replaces", s.ID)
			case s.Reverse == nil && s.Place != rightful.PlaceCache && s.Field != rightful.FieldRow,
				s.Reverse != nil && s.Place == rightful.PlaceCache, s.Reverse != nil && !same(s.Reverse.To, s.From):
				return fmt.Errorf("%s would not be taken back to what stood there", s.ID)
			}
			cells[cell(w)] = true
		}
	}
	return nil
}

// Proposal returns the write that a step makes.
func (s Step) Proposal() rightful.Proposal {
	return rightful.Proposal{Place: s.Place, Object: s.Object, Field: s.Field, From: s.From, To: s.To}
}

// Stale returns the steps of a plan that would not be planned any more: what was
// found then is not found now, or asks for another write, or for the same one in
// another unit or order. The decisions of the plan hold where the finding and the
// choice are still there, and its wishes write what they would write now.
func (p *Plan) Stale(now Input) ([]Step, error) {
	now.Decisions, now.Wishes, now.Reason, now.Family = nil, p.Wishes, p.Reason, ""
	for _, d := range p.Decisions {
		i := slices.IndexFunc(now.Findings, func(f rightful.Finding) bool { return f.ID == d.Finding })
		if i < 0 {
			continue
		}
		if choices, _ := now.offered(now.Findings[i]); slices.Contains(choices, d.Choice) {
			now.Decisions = append(now.Decisions, d)
		}
	}
	fresh, err := Make(now)
	if err != nil {
		return nil, err
	}
	type position struct {
		Step
		family string
		rank   int // among all steps
	}
	still := map[string]position{}
	for _, u := range fresh.Units {
		for _, s := range u.Steps {
			still[s.ID] = position{s, u.Family, len(still)}
		}
	}
	var stale []Step
	last, begun := -1, map[string]bool{} // units by family
	for _, u := range p.Units {
		for _, s := range u.Steps {
			f, ok := still[s.ID]
			moved := f.family != u.Family || f.rank < last || begun[u.Family]
			if !ok || moved || f.Decided != s.Decided || !slices.Equal(f.Because, s.Because) && !p.wished(s) {
				stale = append(stale, s)
				continue
			}
			last = f.rank
		}
		begun[u.Family] = true
	}
	return stale, nil
}
