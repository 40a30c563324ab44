package send

import "crypto/tls"

// Trusting returns the mailer that trusts what a test's server shows.
func (m Mailer) Trusting(c *tls.Config) Mailer {
	m.tls = c
	return m
}

// Sign is what webhooks are signed with.
var Sign = sign
