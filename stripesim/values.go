package stripesim

// values are the checked parameters of one hash: what the shape allows, in
// the types that the shape says.
type values struct {
	names []string
	of    map[string]any
}

func (v *values) has(name string) bool {
	if v == nil {
		return false
	}
	_, ok := v.of[name]
	return ok
}

// given reports that a parameter is there and not "".
func (v *values) given(name string) bool {
	if !v.has(name) {
		return false
	}
	_, empty := v.of[name].(cleared)
	return !empty
}

func (v *values) str(name string) string {
	if v == nil {
		return ""
	}
	s, _ := v.of[name].(string)
	return s
}

func (v *values) int(name string) int64 {
	if v == nil {
		return 0
	}
	n, _ := v.of[name].(int64)
	return n
}

func (v *values) bool(name string) bool {
	if v == nil {
		return false
	}
	b, _ := v.of[name].(bool)
	return b
}

// hash returns a nested hash, nil when it was not given; nil answers every
// question with "not there".
func (v *values) hash(name string) *values {
	if v == nil {
		return nil
	}
	h, _ := v.of[name].(*values)
	return h
}

// hashes returns an array of hashes.
func (v *values) hashes(name string) []*values {
	if v == nil {
		return nil
	}
	items, _ := v.of[name].([]any)
	out := make([]*values, 0, len(items))
	for _, item := range items {
		if h, ok := item.(*values); ok {
			out = append(out, h)
		}
	}
	return out
}

func (v *values) metadata() metadataChange {
	if v == nil {
		return metadataChange{}
	}
	m, _ := v.of["metadata"].(metadataChange)
	return m
}

// moment resolves a kindTime parameter.
func (v *values) moment(name string, now int64) int64 {
	if t := v.int(name); t != momentNow {
		return t
	}
	return now
}

// copyTo writes the named parameters into an object under their own names:
// "" as null, hashes with every field of their shape, those not given as null.
func (v *values) copyTo(o *object, s shape, names ...string) {
	for _, name := range names {
		if p := s.find(name); p != nil && v.has(name) {
			o.set(name, p.json(v.of[name]))
		}
	}
}

func (p *param) json(value any) any {
	switch value := value.(type) {
	case cleared:
		return nil
	case *values:
		o := newObject()
		for i := range p.fields {
			field := &p.fields[i]
			switch {
			case value.has(field.name):
				o.set(field.name, field.json(value.of[field.name]))
			case field.kind != kindIgnored && field.kind != kindUnmodelled:
				o.set(field.name, nil)
			}
		}
		return o
	case []any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = p.elem.json(value[i])
		}
		return out
	case metadataChange:
		return value.applyTo(nil)
	}
	return value
}
