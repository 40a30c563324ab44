package mirror

import (
	"encoding/json"
	"slices"

	"rightful"
)

// fingerprint is what tells identity keys apart: the keys themselves, as JSON.
// Further stamp keys are sorted: their order says which is read first, and not what
// is kept.
func fingerprint(k rightful.KeySet) string {
	also := slices.Compact(slices.Sorted(slices.Values(k.AlsoRead)))
	raw, err := json.Marshal(keyNames{k.Company, k.User, k.Ownership, also})
	if err != nil {
		return "" // strings can always be written
	}
	return string(raw)
}

// keyNames is what a fingerprint says.
type keyNames struct {
	Company   string   `json:"company"`
	User      string   `json:"user,omitempty"`
	Ownership string   `json:"ownership,omitempty"`
	AlsoRead  []string `json:"also_read,omitempty"`
}

// kept returns those pairs of metadata whose keys carry identity: nil for none.
func kept(m map[string]string, keys rightful.KeySet) map[string]string {
	var out map[string]string
	for k, v := range m {
		if keys.Keeps(k) {
			if out == nil {
				out = make(map[string]string, len(m))
			}
			out[k] = v
		}
	}
	return out
}
