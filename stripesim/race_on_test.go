//go:build race

package stripesim_test

// The race detector makes everything about ten times slower.
const largeWorld = 10_000
