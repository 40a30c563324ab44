// Command withservers runs a command beside real, private database servers, and
// a browser.
//
//	go run ./test/withservers -- go test ./...
//
// Each server of the table in server.go is started in a temporary folder on a
// free loopback port, and its address is given to the command in an
// environment variable. A variable that is already set is left alone and its
// server is not started, so that a server of one's own can be used. The
// command's exit code is passed on; servers and folder are gone afterwards,
// even when withservers itself is killed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	code, err := run(os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "withservers: %v\n", err)
	}
	os.Exit(code)
}

// run starts the servers, runs the command and returns its exit code. An error
// means that the command could not be run at all.
func run(args []string, log io.Writer) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 1, errors.New("no command given; for example: go run ./test/withservers -- go test ./internal/state")
	}

	// Registered before the first server starts, so that no signal finds us
	// with servers and without a way to stop them.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	dir, err := os.MkdirTemp("", "rightful-servers-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	// A server that runs as a user of its own must be able to get through to
	// its folder; the folders themselves stay private.
	if err := os.Chmod(dir, 0o711); err != nil {
		return 1, err
	}

	group := newGroup(dir)
	defer group.stop()
	started := make(chan error, 1)
	var env []string
	go func() {
		var err error
		env, err = group.start(ctx, servers(), log)
		started <- err
	}()
	select {
	case err := <-started:
		if err != nil {
			return 1, err
		}
	case sig := <-signals:
		cancel()
		<-started
		return signalCode(sig), nil
	}
	return command(args, env, signals)
}

// command runs the command with the servers' addresses in its environment and
// hands every signal on to it.
func command(args, env []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// The command may have ended meanwhile; done tells.
			_ = cmd.Process.Signal(sig)
		case err := <-done:
			return exitCode(cmd.ProcessState, err)
		}
	}
}

// exitCode returns what a shell would: the command's own code, or 128 and the
// number of the signal that ended it.
func exitCode(state *os.ProcessState, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalCode(status.Signal()), nil
	}
	return state.ExitCode(), nil
}

func signalCode(sig os.Signal) int {
	if number, ok := sig.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}
