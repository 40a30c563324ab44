package truth

import (
	"flag"
	"os"
)

// SameInCI makes rapid draw the same worlds each time in CI, so that a change is not
// refused for what it did not touch. Everywhere else, and with -rapid.seed, others
// are drawn; "make truth" draws thousands. It is called at the beginning of
// TestMain, before the flags are read.
func SameInCI() {
	if os.Getenv("CI") == "" {
		return
	}
	if err := flag.Set("rapid.seed", "20261123"); err != nil {
		panic(err) // the flag is rapid's own
	}
}
