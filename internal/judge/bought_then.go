package judge

// HadThen reports whether a user belonged to a company, or to one that was merged into
// it since, when the session was made. Direct column and owner have no history, and
// speak for every time.
func (b *Bought) HadThen(user, company string) bool {
	return b.j.belongedThen(user, company, b.session.Created)
}

// History reports whether the database keeps a history of where a user belonged, so that
// a company outside of it is known to be wrong and not merely unknown.
func (b *Bought) History(user string) bool { return b.j.waysNow(user).History }

// Stamped returns the company that a stamp names, and whether there is one. One that is
// deleted or merged is named all the same.
func (b *Bought) Stamped(value string) (company string, known bool) {
	c := b.j.stamped(value)
	if c == nil {
		return "", false
	}
	return c.ID, true
}
