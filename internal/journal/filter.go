package journal

import "rightful"

// Filter chooses records and runs. Empty fields choose everything; all that are
// set must hold.
type Filter struct {
	Run     string
	Since   int64  // recorded at or after this time, Unix seconds
	Object  string // id of what was written to
	Company string // whose repair it was
	Actor   string // who began the run, or who continued it by then

	// Of runs only: those that began before this record, and no more than the last
	// so many of what is chosen. 0: no bound.
	BeforeSeq int64
	Last      int
}

// AboutSteps reports whether records must be looked into.
func (f Filter) AboutSteps() bool { return f.Object != "" || f.Company != "" }

// Matching returns a function that is given all records of the runs in question
// in their order, and chooses.
func (f Filter) Matching() func(Entry) (bool, error) {
	actor := map[string]string{} // who is at work, by run
	return func(e Entry) (bool, error) {
		switch e.Kind {
		case KindRunStarted, KindUndoStarted:
			b, err := e.Start()
			if err != nil {
				return false, err
			}
			actor[e.Run] = b.Actor
		case KindRunContinued:
			b, err := e.Continuation()
			if err != nil {
				return false, err
			}
			actor[e.Run] = b.Actor
		}
		if f.Run != "" && e.Run != f.Run || e.At < f.Since || f.Actor != "" && actor[e.Run] != f.Actor {
			return false, nil
		}
		if !f.AboutSteps() {
			return true, nil
		}
		s, err := e.step()
		if err != nil || s == nil {
			return false, err
		}
		return s.about(f), nil
	}
}

func (s Step) about(f Filter) bool {
	if f.Object != "" && s.Object.ID != f.Object {
		return false
	}
	return f.Company == "" || s.CompanyID != nil && rightful.SameID(*s.CompanyID, f.Company)
}
