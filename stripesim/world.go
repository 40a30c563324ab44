package stripesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// LoadWorld adds the "stripe" section of a world file to the server: the
// account with its livemode, the lists of objects that are modelled, and
// missing_ids, the ids that are known not to exist. Everything else in the
// file is not the simulator's and is ignored. Lists that have no endpoint
// (coupons, tax_rates, ...) are kept for Dump.
//
// Objects are Stripe's JSON with fields left out; they are served as they are.
// Only "object" and "livemode" are filled in, because the list and the account
// already say them: metadata, dates and statuses are never invented. An object
// without created sorts as if it were made at 0. Objects of one second count
// as created in the order of the file. Missing ids need no entry: an id is
// missing when it is not there; listing one that is there is an error.
//
// A world without an account id goes to the default account. Loading a second
// world adds to what is there. On an error nothing is loaded; the error names
// the place in the file: line and column where it is not JSON, otherwise the
// path, such as stripe.customers[3].
func (s *Server) LoadWorld(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("stripesim: read world: %w", err)
	}
	w, err := parseWorld(data, s.resources)
	if err != nil {
		return fmt.Errorf("stripesim: world: %w", err)
	}
	s.mu.Lock()
	id := w.accountID
	if id == "" {
		id = s.defaultID
	}
	if id == "" {
		id = DefaultAccount
	}
	a := s.accounts[id]
	if a == nil {
		a = s.newAccount(id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := s.now().Unix()
	s.catchUp(a, now)
	if err := a.load(w); err != nil {
		s.mu.Unlock()
		return fmt.Errorf("stripesim: world: %w", err)
	}
	for _, object := range w.order {
		for _, item := range w.lists[object] {
			s.remindLoaded(a, object, item.fields.str("id"), now)
		}
	}
	s.shareEndpoints(a)
	s.accounts[id] = a
	if s.defaultID == "" {
		s.defaultID = id
		s.platform.Store(a)
	}
	s.mu.Unlock()
	return nil
}

// world is a checked "stripe" section.
type world struct {
	accountID  string
	profile    *object
	livemode   *bool
	lists      map[string][]worldObject // by object name
	order      []string                 // of the lists in the file
	missingIDs []json.RawMessage
	kept       *object
}

type worldObject struct {
	path     string
	fields   *object
	livemode *bool
}

func parseWorld(data []byte, resources []*resource) (*world, error) {
	var compact bytes.Buffer
	compact.Grow(len(data))
	if json.Compact(&compact, data) != nil {
		return nil, locate(data)
	}
	whole := parseObject(compact.Bytes())
	if whole == nil {
		return nil, errors.New("the file is not a JSON object")
	}
	w := &world{lists: map[string][]worldObject{}, kept: newObject()}
	section := whole.get("stripe")
	if isNull(section) {
		return w, nil
	}
	stripe := parseObject(section)
	if stripe == nil {
		return nil, errors.New("stripe: not an object")
	}
	for _, f := range stripe.fields {
		path := "stripe." + f.name
		at := slices.IndexFunc(resources, func(r *resource) bool { return r.section == f.name })
		var err error
		switch {
		case f.name == "account":
			err = w.readAccount(f.value)
		case f.name == "missing_ids":
			err = w.readMissing(f.value)
		case at >= 0:
			err = w.readList(path, f.value, resources[at])
		default:
			w.kept.set(f.name, bytes.Clone(f.value))
		}
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

// locate says where data stops being JSON. Compact does not tell; Unmarshal does.
func locate(data []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	at := min(int(syntax.Offset), len(data))
	before := data[:at]
	line := bytes.Count(before, []byte("\n")) + 1
	column := at - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Errorf("line %d, column %d: not valid JSON: %w", line, max(column, 1), err)
}

func (w *world) readAccount(raw json.RawMessage) error {
	if isNull(raw) {
		return nil
	}
	w.profile = parseObject(bytes.Clone(raw))
	if w.profile == nil {
		return errors.New("stripe.account: not an object (one account per world; write {\"id\": \"acct_...\", \"livemode\": true})")
	}
	w.accountID = w.profile.str("id")
	if w.accountID == "" && !w.profile.null("id") {
		return errors.New("stripe.account.id: not a string")
	}
	var err error
	w.livemode, err = readBool(w.profile, "livemode", "stripe.account.livemode")
	return err
}

func readBool(o *object, name, path string) (*bool, error) {
	switch raw := o.get(name); {
	case isNull(raw):
		return nil, nil
	case string(raw) == "true" || string(raw) == "false":
		b := string(raw) == "true"
		return &b, nil
	}
	return nil, fmt.Errorf("%s: not true or false", path)
}

func (w *world) readMissing(raw json.RawMessage) error {
	if isNull(raw) {
		return nil
	}
	if raw[0] != '[' {
		return errors.New("stripe.missing_ids: not a list")
	}
	for i, item := range elements(raw) {
		if text(item) == "" {
			return fmt.Errorf("stripe.missing_ids[%d]: not an id", i)
		}
		w.missingIDs = append(w.missingIDs, bytes.Clone(item))
	}
	return nil
}

func (w *world) readList(path string, raw json.RawMessage, res *resource) error {
	if isNull(raw) {
		return nil
	}
	if raw[0] != '[' {
		return fmt.Errorf("%s: not a list", path)
	}
	w.order = append(w.order, res.object)
	seen := map[string]int{}
	for i, item := range elements(raw) {
		at := fmt.Sprintf("%s[%d]", path, i)
		o := parseObject(item)
		if o == nil {
			return fmt.Errorf("%s: not an object", at)
		}
		if name := o.repeated(); name != "" {
			return fmt.Errorf("%s: the field %q appears twice", at, name)
		}
		id := o.str("id")
		if id == "" {
			return fmt.Errorf("%s: missing id", at)
		}
		if first, twice := seen[id]; twice {
			return fmt.Errorf("%s: duplicate id %s, already at %s[%d]", at, id, path, first)
		}
		seen[id] = i
		if kind := o.str("object"); kind != res.object && !isNull(o.get("object")) {
			return fmt.Errorf("%s: unknown object type %s in this list: it holds %q", at, o.get("object"), res.object)
		}
		if created := o.get("created"); !isNull(created) {
			if _, err := strconv.ParseInt(string(created), 10, 64); err != nil {
				return fmt.Errorf("%s.created: %s is not a whole number of Unix seconds", at, created)
			}
		}
		livemode, err := readBool(o, "livemode", at+".livemode")
		if err != nil {
			return err
		}
		w.lists[res.object] = append(w.lists[res.object], worldObject{path: at, fields: o, livemode: livemode})
	}
	return nil
}
