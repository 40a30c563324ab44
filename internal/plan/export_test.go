package plan

// Rehash gives a changed plan the hash of its content, as a forger would.
func (p *Plan) Rehash() { p.Hash = p.hash() }
