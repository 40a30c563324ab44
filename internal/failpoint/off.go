//go:build !failpoints

package failpoint

// Here is a moment at which a test may kill the process. In this build it does
// nothing.
func Here(string) {}
