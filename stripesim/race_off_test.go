//go:build !race

package stripesim_test

const largeWorld = 100_000
