//go:build !unix

package appprobe

import "os/exec"

// endTogether has a meaning on Unix only.
func endTogether(*exec.Cmd) {}
