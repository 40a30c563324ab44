//go:build !unix

package main

import "os/exec"

// detach and unprivileged have a meaning on Unix only.
func detach(*exec.Cmd) {}

func unprivileged(string, []*exec.Cmd, ...string) error { return nil }
