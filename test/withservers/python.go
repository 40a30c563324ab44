package main

import (
	"context"
	"io"
	"os/exec"
)

// python is no server: tests run it. What the command is told is the path of the
// program.
var python = server{
	name: "python",
	env:  "RIGHTFUL_TEST_PYTHON",
	find: findPython,
	start: func(_ context.Context, _ *group, program, _ string) (string, error) {
		return program, nil
	},
}

// findPython finds a Python 3 of at least version 3.9, the oldest that the examples
// are written for.
func findPython(ctx context.Context, log io.Writer) (string, error) {
	return findOrInstall(ctx, log, "python3", "python", func() (string, error) {
		path, err := exec.LookPath("python3")
		if err != nil || exec.CommandContext(ctx, path, "-c", "import sys, sqlite3; sys.exit(sys.version_info < (3, 9))").Run() != nil {
			return "", errNotFound
		}
		return path, nil
	})
}
