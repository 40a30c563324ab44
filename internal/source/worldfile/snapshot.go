package worldfile

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// mappingSection tells of columns that are mapped and that no row shows: a
// snapshot may have no user at all.
type mappingSection struct {
	Owner      bool `json:"owner"`
	Direct     bool `json:"direct"`
	LinkColumn bool `json:"link_column"`
}

// mapped adds to the mapping what no row shows.
func (db *database) mapped(m mappingSection) {
	db.mapping.Owner = db.mapping.Owner || m.Owner
	db.mapping.Direct = db.mapping.Direct || m.Direct
	db.mapping.LinkColumn = db.mapping.LinkColumn || m.LinkColumn
	db.mapping.Link = db.mapping.LinkColumn || db.mapping.LinkTable
}

// readResolved reads what the app's own query answered: the id of a company, null
// for none, or {"ambiguous": true}.
func (w *World) readResolved(section map[string]jsontext.Value) error {
	if section == nil {
		return nil
	}
	w.db.resolved = map[string]rightful.Resolution{}
	for _, user := range slices.Sorted(maps.Keys(section)) {
		var answer struct {
			Ambiguous bool `json:"ambiguous"`
		}
		company, scalar := scalarText(section[user])
		if !scalar && json.Unmarshal(section[user], &answer) != nil {
			return w.errorIn("resolved", "user "+user+": want an id, null or {\"ambiguous\": true}")
		}
		w.db.resolved[rightful.CanonicalID(user)] = rightful.Resolution{CompanyID: company, Ambiguous: answer.Ambiguous}
	}
	return nil
}
