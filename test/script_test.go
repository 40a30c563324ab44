package test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rightful/internal/cli"
)

// TestMain lets scripts run the real command line as the program rightful.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rightful": func() { os.Exit(cli.Main(os.Args[1:], cli.System())) },
	})
}

// TestScript runs test/script/*.txtar: terminal sessions, offline.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			worlds, err := os.ReadDir("worlds")
			if err != nil {
				return err
			}
			for _, w := range worlds {
				if err := copyFile("worlds/"+w.Name(), env.WorkDir+"/worlds/"+w.Name()); err != nil {
					return err
				}
			}
			return copyFile("../internal/demo/founding-incident.json", env.WorkDir+"/founding-incident.json")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to[:strings.LastIndexByte(to, '/')], 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}

// exits runs a command and expects one exit code: exits 2 rightful audit ...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s", fmt.Sprintf("exit code %d, want %d", got, want))
	}
}
