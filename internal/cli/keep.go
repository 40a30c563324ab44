package cli

// applyKept says what is done with a plan that was kept: second tells that another
// person has to approve it first.
func (t *target) applyKept(out string, second bool) string {
	o := planOptions{target: *t}
	carryOut := "rightful apply " + out + o.again()
	if second && t.world == "" {
		return "another person: rightful plan approve " + out + o.again() + "; then " + carryOut
	}
	return carryOut
}
