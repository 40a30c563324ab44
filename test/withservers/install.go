package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
)

// errNotFound tells a program that is not there from one that cannot be used.
var errNotFound = errors.New("not found")

// findOrInstall returns what find finds. Where it finds nothing, the Debian
// package is installed if that can be done without asking anybody (as root,
// with apt-get); otherwise the error says what to install by hand.
func findOrInstall(ctx context.Context, log io.Writer, debian, homebrew string, find func() (string, error)) (string, error) {
	program, err := find()
	if !errors.Is(err, errNotFound) {
		return program, err
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "", fmt.Errorf("it is not installed. Debian, Ubuntu: sudo apt-get install %s. macOS: brew install %s", debian, homebrew)
	}
	fmt.Fprintf(log, "withservers: installing %s\n", debian)
	if err := aptInstall(ctx, debian); err != nil {
		return "", err
	}
	return find()
}

// aptInstall installs a Debian package without starting its service: our
// servers are private ones.
func aptInstall(ctx context.Context, name string) error {
	allow, err := forbidServices("/usr/sbin/policy-rc.d")
	if err != nil {
		return err
	}
	defer allow()
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", name},
	} {
		// Another apt-get may be at work, on a fresh machine often is.
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=120"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}

// forbidServices lays down Debian's policy file, which says that installing a
// package starts nothing, and returns what takes it away again. A machine that
// has a policy keeps it.
func forbidServices(policy string) (allow func(), err error) {
	f, err := os.OpenFile(policy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	// 101 is the policy's word for "not allowed".
	_, err = io.WriteString(f, "#!/bin/sh\nexit 101\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(policy))
	}
	return func() { os.Remove(policy) }, nil
}
