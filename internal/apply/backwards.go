package apply

import (
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// Backwards returns the units that take back what a run wrote, the last written
// first, and the steps that cannot be taken back: deleted cache keys stay
// deleted. steps are what the journal knows of the run's steps, in the order in
// which they were begun.
//
// A step of which nobody knows what came is among them: if its value stands
// there, it is the run's.
func Backwards(steps []journal.StepState) (units []plan.Unit, stay []journal.Step) {
	at := map[string]int{}
	for n := len(steps) - 1; n >= 0; n-- {
		s := steps[n].Step
		switch {
		case !steps[n].Open && steps[n].State != StateDone && steps[n].State != StateUncertain:
			continue
		case s.Reverse == nil:
			stay = append(stay, s)
			continue
		}
		i, known := at[s.Unit]
		if !known {
			i = len(units)
			at[s.Unit] = i
			units = append(units, plan.Unit{Family: s.Unit, CompanyID: s.CompanyID})
		}
		units[i].Steps = append(units[i].Steps, plan.Step{
			ID: s.ID, Place: s.Place, Object: s.Object, Field: s.Field, From: s.To, To: s.Reverse.To,
			Precondition: plan.Precondition{Value: s.To}, Reverse: &plan.Reverse{To: s.To}, Because: s.Because, Decided: s.Decided,
		})
	}
	return units, stay
}
