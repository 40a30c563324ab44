package testserver

import "testing"

// Python returns the path of a Python 3.
func Python(t testing.TB) string {
	t.Helper()
	return address(t, "RIGHTFUL_TEST_PYTHON")
}
