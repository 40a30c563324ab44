package main

import (
	"context"
	"io"
	"os/exec"
)

// chromium is no server: each test starts a browser of its own. What the
// command is told is the path of the program.
var chromium = server{
	name: "chromium",
	env:  "RIGHTFUL_TEST_CHROMIUM",
	find: findChromium,
	start: func(_ context.Context, _ *group, program, _ string) (string, error) {
		return program, nil
	},
}

// findChromium finds any browser that speaks the DevTools protocol.
func findChromium(ctx context.Context, log io.Writer) (string, error) {
	return findOrInstall(ctx, log, "chromium-headless-shell", "--cask chromium", func() (string, error) {
		for _, name := range []string{"chromium-headless-shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
			"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
			if path, err := exec.LookPath(name); err == nil {
				return path, nil
			}
		}
		return "", errNotFound
	})
}
