package engine_test

import (
	"slices"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/judge"
)

// TestDoctorNamesCodesThatDoNotExist: a mistyped code silences nothing, and
// nobody would notice.
func TestDoctorNamesCodesThatDoNotExist(t *testing.T) {
	t.Parallel()
	e := &engine.Engine{Rules: judge.Rules{
		Off:      map[rightful.Code]bool{"RF999": true, rightful.CodeStampOther: true},
		Severity: map[rightful.Code]rightful.Severity{"RF198": rightful.SeverityInfo},
	}}
	var named []string
	for _, d := range e.Doctor(t.Context()).Lines {
		if len(d.Place) > 6 && d.Place[:6] == "codes." {
			named = append(named, d.Place)
		}
	}
	if !slices.Equal(named, []string{"codes.RF198", "codes.RF999"}) {
		t.Errorf("named %v", named)
	}
}

// TestDoctorTellsOfObserving: who has the gateway observe is told that it refuses nothing.
func TestDoctorTellsOfObserving(t *testing.T) {
	t.Parallel()
	for _, observing := range []bool{true, false} {
		told := slices.ContainsFunc((&engine.Engine{Observing: observing}).Doctor(t.Context()).Lines, func(d rightful.Diagnosis) bool {
			return d.Place == "gateway.mode" && d.Level == rightful.LevelWarning
		})
		if told != observing {
			t.Errorf("observing %v: told %v", observing, told)
		}
	}
}
