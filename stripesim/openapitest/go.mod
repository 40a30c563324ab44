module rightful/stripesim/openapitest

go 1.26.0

require (
	github.com/stripe/stripe-mock v0.203.0
	rightful v0.0.0-00010101000000-000000000000
)

replace rightful => ../..
