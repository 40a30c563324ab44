package appprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	largestStderr = 64 << 10 // bytes that are kept, to show a line of them
	// pipesStayOpen is how long a program that has ended may leave its output
	// open, to a child that lives on.
	pipesStayOpen = 2 * time.Second
)

// command asks a program.
type command struct {
	setting string
	argv    []string
	timeout time.Duration
}

// newCommand checks a command. One that is about a user takes the id as an
// argument of its own: inside another argument, which may well be code of some
// language, an id could say more than itself.
func newCommand(setting string, argv []string, aboutUser bool, timeout time.Duration) (asker, error) {
	const example = "for example command: [bin/rails, runner, 'puts User.find(ARGV[0]).company_id', '{user_id}']"
	users := 0
	for i, arg := range argv {
		switch {
		case strings.ContainsRune(arg, 0):
			return nil, invalid(setting, "an argument holds a zero byte", "")
		case arg == placeholder && i > 0:
			users++
		case strings.Contains(arg, placeholder):
			return nil, invalid(setting, placeholder+" must be an argument of its own", example)
		}
	}
	switch {
	case aboutUser && users == 0:
		return nil, invalid(setting, "no argument is "+placeholder, example)
	case !aboutUser && users > 0:
		return nil, invalid(setting, "the revision is not about a user, but an argument is "+placeholder, "")
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, invalid(setting, fmt.Sprintf("there is no program %q that can be run", argv[0]), "give its path; a shell's aliases and pipes do not count")
	}
	if timeout == 0 {
		timeout = commandTimeout
	}
	return &command{setting: setting, argv: argv, timeout: timeout}, nil
}

// ask runs the program once, with nothing on its standard input.
func (c *command) ask(ctx context.Context, userID string) (reply, error) {
	argv := slices.Clone(c.argv)
	if slices.Contains(argv, placeholder) {
		if userID == "" || strings.HasPrefix(userID, "-") || strings.ContainsRune(userID, 0) || !utf8.ValidString(userID) || len(userID) > longestAnswer {
			return reply{failed: "the user's id cannot stand in a command: it is empty, very long, no text, or looks like an option"}, nil
		}
		for i := range argv {
			if argv[i] == placeholder {
				argv[i] = userID
			}
		}
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	stdout := &head{limit: largestBody, full: cancel}
	stderr := &head{limit: largestStderr}
	cmd := exec.CommandContext(bounded, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = pipesStayOpen
	endTogether(cmd)
	err := cmd.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return reply{}, context.Cause(ctx)
	case stdout.more:
		return tooLarge, nil
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return reply{body: stdout.kept.Bytes()}, nil
	case bounded.Err() != nil:
		return reply{}, unreachable(c.setting, fmt.Sprintf("the command does not end within %v", c.timeout),
			"run it by hand; if it is only slow, give it longer: resolver_probe.timeout", bounded.Err())
	case ended:
		failed := "the command fails (" + exit.String() + ")"
		if line := firstLine(stderr.kept.String(), os.Environ()); line != "" {
			failed += ": " + line
		}
		return reply{failed: failed}, nil
	}
	return reply{}, unreachable(c.setting, "the command cannot be started", "run it by hand", err)
}

// head keeps the first bytes that are written to it and swallows the rest.
type head struct {
	limit int
	full  func() // called when there is more than the limit
	kept  bytes.Buffer
	more  bool
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	room := h.limit - h.kept.Len()
	h.kept.Write(p[:min(room, len(p))])
	if len(p) > room {
		h.more = true
		if h.full != nil {
			h.full()
		}
	}
	return len(p), nil
}
