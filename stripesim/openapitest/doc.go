// Package openapitest holds the answers of stripesim against Stripe's own
// OpenAPI document, which ships inside github.com/stripe/stripe-mock. It is a
// module of its own, so that neither that module nor its 20 MB of data becomes
// a dependency of rightful.
//
// Its tests drive every operation of the simulator, errors and expansions
// included, and fail on every field that is missing, of the wrong type, not
// one of the listed values, or not in the document at all. There are no
// exceptions. The document is that of version 2026-08-26, the simulator follows
// 2026-06-24 of the same major release; nothing that it answers changed between
// them.
//
//	cd stripesim/openapitest && go test ./...
package openapitest
