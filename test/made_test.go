package test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/state"
	"rightful/internal/wire"
)

// keepMade writes into a state, as the gateway does, for whom sessions were made, and
// returns its address.
func keepMade(t *testing.T, made []rightful.Intent) string {
	t.Helper()
	address := "sqlite:" + filepath.Join(t.TempDir(), "state.db")
	latest := int64(1) // a world may say of companies alone, without a time
	for _, in := range made {
		latest = max(latest, in.At)
	}
	then := func() time.Time { return time.Unix(latest, 0) } // what is old is forgotten
	s, err := state.Open(t.Context(), address, state.Options{Now: then, Shared: then})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range made {
		if in.Generation = 1; in.Kind == rightful.IntentCheckout {
			in.Wish = in.ObjectID
		}
		if _, err := s.Promise(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// TestWhatIsKeptIsHeardWhereItIs: an audit and an investigation of real parts hear what
// the state keeps of how sessions were made; without a state they judge as before, and
// make none; and where one is there that cannot be read, they say so.
func TestWhatIsKeptIsHeardWhereItIs(t *testing.T) {
	t.Parallel()
	const file = "worlds/RF103-recorded.json"
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	now := audit(t, e, engine.AuditInput{}).Now
	for _, tt := range []struct {
		name     string
		state    func(t *testing.T, kept string) string
		found    []string
		complete bool
	}{
		{"kept", func(_ *testing.T, kept string) string { return kept }, nil, true},
		{"no state", func(t *testing.T, _ string) string { return "sqlite:" + filepath.Join(t.TempDir(), "none.db") }, []string{"cs_1", "sub_1"}, true},
		{"a state that is none", func(t *testing.T, _ string) string {
			path := filepath.Join(t.TempDir(), "state.db")
			if err := os.WriteFile(path, []byte("this is no database, and was never one\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + path
		}, []string{"cs_1", "sub_1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			on := engines[0]
			dsn := on.dsn(t)
			fillFrom(t, file, on.open(t, dsn))
			r := assemble(t, file, dsn, now)
			address := tt.state(t, r.config["state"].(string))
			r.config["state"] = address
			report := audit(t, r.open(t), engine.AuditInput{})
			inv, err := r.open(t).Investigate(t.Context(), "cs_1")
			if err != nil {
				t.Fatal(err)
			}
			objects := func(all []rightful.Finding) (ids []string) {
				for _, f := range all {
					ids = append(ids, f.Object.ID)
				}
				return ids
			}
			if got := objects(report.Findings); !slices.Equal(got, tt.found) || report.Complete != tt.complete {
				t.Errorf("an audit finds %v, complete %v %q", got, report.Complete, report.IncompleteBecause)
			}
			if got := objects(inv.Findings); !slices.Equal(got, tt.found) || inv.Complete != tt.complete {
				t.Errorf("an investigation finds %v, complete %v %q", got, inv.Complete, inv.IncompleteBecause)
			}
			if !tt.complete && !strings.Contains(strings.Join(report.IncompleteBecause, " "), "what is kept of what was made for whom") {
				t.Errorf("incomplete because %q", report.IncompleteBecause)
			}
			if _, err := os.Stat(strings.TrimPrefix(address, "sqlite:")); (err == nil) == (tt.name == "no state") {
				t.Errorf("the state: %v", err)
			}
		})
	}
}
