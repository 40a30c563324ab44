// Package testserver gives a test real servers of its own: an empty PostgreSQL
// or MariaDB database, an empty Redis database, a browser. The servers are those that
// test/withservers starts (run "make test").
//
// Without them a test is skipped, but never on CI (the variable CI is "true"):
// there, a test that did not run must not look like one that passed.
package testserver

import (
	"os"
	"testing"
	"time"
)

// within bounds every call to a server, so that a lost one fails the test
// instead of hanging it.
const within = 30 * time.Second

// address returns the value of the environment variable that names a server.
func address(t testing.TB, env string) string {
	t.Helper()
	value := os.Getenv(env)
	if value == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: run make test", env)
		}
		t.Skipf("%s is not set: run make test", env)
	}
	return value
}
