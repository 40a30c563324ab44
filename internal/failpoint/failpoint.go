// Package failpoint names the moments at which a repair may be killed, so that a
// test can kill it at each of them: right before and right after everything that
// outlives the process.
//
// Without the build tag failpoints, Here is empty and a release has no trace of
// it. With the tag, the variables of kill.go say where the process dies.
package failpoint
