package rightful

import "context"

// Level says how serious a diagnosis is.
type Level string

// LevelOK: nothing to do. LevelWarning: rightful works, but less well or less
// surely than it could. LevelError: something that is configured does not work.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Diagnosis is one line of what the doctor has to say about a place.
type Diagnosis struct {
	Place string `json:"place"` // a config path: directory.users, stripe.key
	Level Level  `json:"level"`
	Says  string `json:"says"` // what was seen
	Todo  string `json:"todo"` // what to do about it; empty when ok
	// At is where the place stands in the config, as file:line:column; empty
	// when nothing of that name is written there.
	At string `json:"at"`
}

// Diagnoser is what a source implements to be examined. Diagnose reads, at no
// cost worth naming, and never returns an error: what does not work is a
// diagnosis.
type Diagnoser interface {
	Diagnose(ctx context.Context) []Diagnosis
}

// OK returns a diagnosis with nothing to do.
func OK(place, says string) Diagnosis { return Diagnosis{Place: place, Level: LevelOK, Says: says} }

// Warn returns a diagnosis of something that could be better.
func Warn(place, says, todo string) Diagnosis {
	return Diagnosis{Place: place, Level: LevelWarning, Says: says, Todo: todo}
}

// Fail returns a diagnosis of something that does not work.
func Fail(place, says, todo string) Diagnosis {
	return Diagnosis{Place: place, Level: LevelError, Says: says, Todo: todo}
}
