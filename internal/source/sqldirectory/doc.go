// Package sqldirectory reads what the app's own database says: companies,
// users, memberships, subscription rows and links.
//
// The app's schema is unknown, so the mapping is plain SQL: one query per noun
// with fixed output columns (Mapping). The package never rewrites such a query.
// It wraps it,
//
//	SELECT q."id", ... FROM (<query>) q WHERE q."id" IN (...)
//
// which the databases see through, so that the app's indexes serve. Whole
// tables are read by keyset pages. Every read is a read-only transaction with a
// deadline, and what is read is in memory before it is handed out: a slow
// caller never holds a transaction open.
//
// Ids are bound in the column's own type after strict parsing, and rows are
// compared once more with what was asked (rightful.SameID): no collation,
// affinity or cast of a database can make "04" match 4.
//
// Many small reads can be asked for together (many.go): in one transaction, and of
// PostgreSQL and MariaDB in one round trip.
//
// PostgreSQL, MySQL, MariaDB and SQLite are read; what differs between databases is in
// the dialect interface, one file each.
package sqldirectory
