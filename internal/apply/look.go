package apply

import (
	"context"

	"rightful/internal/plan"
)

// Sight is what stands in the place of a step now.
type Sight struct {
	Value  *string // nil: nothing
	Gone   string  // why there is no such place any more; then Value means nothing
	AtTo   bool    // the step's target stands there
	AtFrom bool    // what the step replaced stands there
}

// Look reads what stands in the place of a step, and compares as ids are compared.
func Look(ctx context.Context, s plan.Step, places Places) (Sight, error) {
	a := &applier{places: places}
	now, err := a.read(ctx, s)
	if err != nil {
		return Sight{}, err
	}
	return Sight{Value: now.value, Gone: now.gone, AtTo: now.at(s.To), AtFrom: now.at(s.From)}, nil
}
