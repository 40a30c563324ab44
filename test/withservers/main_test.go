package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestRunNeedsACommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--"}} {
		if code, err := run(args, io.Discard); err == nil || code == 0 {
			t.Errorf("run(%q) = %d, %v; want an error", args, code, err)
		}
	}
}

func TestCommandPassesTheExitCodeOn(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"exit 0":           0,
		"exit 7":           7,
		"kill -TERM $$":    128 + int(syscall.SIGTERM),
		`test "$X" = here`: 0,
	} {
		if code, err := command([]string{"sh", "-c", script}, []string{"X=here"}, nil); err != nil || code != want {
			t.Errorf("%q: got %d, %v; want %d", script, code, err, want)
		}
	}
	if code, err := command([]string{"no-such-program-anywhere"}, nil, nil); err == nil || code == 0 {
		t.Errorf("a missing program: got %d, %v; want an error", code, err)
	}
}

func TestCommandGetsTheSignals(t *testing.T) {
	t.Parallel()
	// Sent before the command could have ended, whenever it starts.
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	code, err := command([]string{"sleep", "60"}, nil, signals)
	if want := 128 + int(syscall.SIGTERM); err != nil || code != want {
		t.Errorf("got %d, %v; want %d", code, err, want)
	}
}

// sleeper is a server that needs nothing installed.
var sleeper = server{
	name: "sleeper", env: "RIGHTFUL_TEST_SLEEPER",
	find: func(context.Context, io.Writer) (string, error) { return exec.LookPath("sleep") },
	start: func(ctx context.Context, g *group, program, dir string) (string, error) {
		cmd := exec.Command(program, "60")
		cmd.Dir = dir
		p, err := g.run(cmd)
		if err != nil {
			return "", err
		}
		return strconv.Itoa(p.cmd.Process.Pid), p.ready(ctx, func(context.Context) error { return nil })
	},
}

func TestGroupStopsWhatItStarted(t *testing.T) {
	t.Parallel()
	g := newGroup(t.TempDir())
	env, err := g.start(t.Context(), []server{sleeper}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(env) != 1 || !strings.HasPrefix(env[0], "RIGHTFUL_TEST_SLEEPER=") {
		t.Fatalf("environment is %q", env)
	}
	done := g.processes[0].done
	g.stop()
	select {
	case <-done:
	default:
		t.Error("the server is still running")
	}
}

func TestStartUsesAServerOfOnesOwn(t *testing.T) {
	t.Setenv(sleeper.env, "elsewhere")
	g := newGroup(t.TempDir())
	defer g.stop()
	if env, err := g.start(t.Context(), []server{sleeper}, io.Discard); err != nil || len(env) != 0 || len(g.processes) != 0 {
		t.Errorf("got %q, %v and %d processes; want nothing", env, err, len(g.processes))
	}
}

func TestStartSaysWhatAServerSaid(t *testing.T) {
	t.Parallel()
	broken := sleeper
	broken.start = func(ctx context.Context, g *group, _, dir string) (string, error) {
		cmd := exec.Command("sh", "-c", "echo no room on disk; exit 1")
		cmd.Dir = dir
		p, err := g.run(cmd)
		if err != nil {
			return "", err
		}
		return "", p.ready(ctx, func(context.Context) error { return io.EOF })
	}
	g := newGroup(t.TempDir())
	defer g.stop()
	if _, err := g.start(t.Context(), []server{broken}, io.Discard); err == nil || !strings.Contains(err.Error(), "no room on disk") {
		t.Errorf("got %v; want the server's own words", err)
	}
}

func TestWatchdogCleansUpWhenWeAreKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "servers")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	g := newGroup(dir)
	if _, err := g.start(t.Context(), []server{sleeper}, io.Discard); err != nil {
		t.Fatal(err)
	}
	// The end of our side of the pipe is all that the watchdog sees of us.
	dog := g.processes[0].watchdog.(watchdog)
	if err := dog.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	<-g.processes[0].done
	if err := dog.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestForbidServicesLeavesNoTrace(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy-rc.d")
	allow, err := forbidServices(policy)
	if err != nil {
		t.Fatal(err)
	}
	// Through a shell: what a test has just written may still be open for writing in
	// a child that another test is starting, and is not executed then.
	if code, err := command([]string{"sh", policy}, nil, nil); err != nil || code != 101 {
		t.Errorf("the policy answers %d, %v; want 101", code, err)
	}
	// A second one finds the first and must not take it away.
	again, err := forbidServices(policy)
	if err != nil {
		t.Fatal(err)
	}
	again()
	if _, err := os.Stat(policy); err != nil {
		t.Error("a policy that was there was taken away")
	}
	allow()
	if _, err := os.Stat(policy); !os.IsNotExist(err) {
		t.Errorf("the policy is still there: %v", err)
	}
}
