// Package rightful holds the nouns of one question: which company does this
// Stripe object belong to?
//
// The fact stands in many places at once: the app's database, the metadata of
// Stripe's objects, caches, and the deployed code. This package names what
// those places say (Company, User, Object, CacheEntry, ...), the statement one
// place makes (Signal), what is judged (Family), what comes out (Attribution,
// Finding), and the ports through which the places are read (DirectoryReader,
// StripeReader, CacheReader, ProbeReader).
//
// It imports the standard library only and does no work of its own beyond
// comparing ids. Sources implement the ports, internal/collect turns what they
// read into a Situation, and internal/judge turns a Situation into findings.
//
// Times are Unix seconds everywhere. Amounts are minor currency units.
package rightful
