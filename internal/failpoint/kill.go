//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

const (
	// killAt is the number, from 1, of the call of Here that kills the process.
	killAt = "RIGHTFUL_FAILPOINT"

	// logTo is a file to which each call of Here appends its name, a line each.
	logTo = "RIGHTFUL_FAILPOINT_LOG"
)

var (
	mu   sync.Mutex
	hits int
)

// Here counts the moment, and kills the process if it is the one to die at. As
// with any kill -9, nothing is closed, flushed or told to anybody.
func Here(name string) {
	mu.Lock() // and whoever dies keeps it: nobody else passes
	defer mu.Unlock()
	hits++
	if path := os.Getenv(logTo); path != "" {
		note(path, name)
	}
	if text := os.Getenv(killAt); text != "" {
		at, err := strconv.Atoi(text)
		if err != nil || at < 1 {
			fatal(fmt.Errorf("%s=%q is no number from 1", killAt, text))
		}
		if hits == at {
			die()
		}
	}
}

// note appends a line. The file system has it when note returns, whatever then
// becomes of the process.
func note(path, name string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		fatal(err)
	}
	_, err = f.WriteString(name + "\n")
	if shut := f.Close(); err == nil {
		err = shut
	}
	if err != nil {
		fatal(err)
	}
}

// die sends the process the signal that it cannot catch, and never returns.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		fatal(err)
	}
	select {}
}

// fatal ends a test build whose settings are wrong: going on would look like a
// run that nobody killed.
func fatal(err error) {
	fmt.Fprintln(os.Stderr, "failpoint:", err)
	os.Exit(70)
}
