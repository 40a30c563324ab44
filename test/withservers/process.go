package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stopWithin is how long a server may take to shut down before it is killed.
const stopWithin = 10 * time.Second

// group is the servers that are running and the folder they live in.
type group struct {
	dir string

	mu        sync.Mutex
	processes []*process
}

// process is one running server.
type process struct {
	cmd      *exec.Cmd
	log      string
	done     chan struct{} // closed when it has ended
	watchdog io.Closer
}

func newGroup(dir string) *group { return &group{dir: dir} }

// run starts a server's program, which then belongs to the group. Its output
// goes to a log file in cmd.Dir.
func (g *group) run(cmd *exec.Cmd) (*process, error) {
	log, err := os.Create(filepath.Join(cmd.Dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log.Name(), done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // what it said is in the log
		close(p.done)
	}()
	g.mu.Lock()
	g.processes = append(g.processes, p)
	g.mu.Unlock()
	p.watchdog, err = watch(cmd.Process.Pid, g.dir)
	return p, err
}

// watch starts a shell that outlives us and cleans up if we are killed without
// a chance to do it ourselves: its standard input ends when we do. Closing the
// returned handle calls it off.
func watch(pid int, dir string) (io.Closer, error) {
	const script = `read calledoff && exit
kill -INT "$0"
tries=0
while kill -0 "$0" && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
kill -KILL "$0"
rm -rf "$1"`
	cmd := exec.Command("sh", "-c", script, strconv.Itoa(pid), dir)
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return watchdog{stdin, cmd}, nil
}

type watchdog struct {
	stdin io.WriteCloser
	cmd   *exec.Cmd
}

func (w watchdog) Close() error {
	_, err := io.WriteString(w.stdin, "calledoff\n")
	return errors.Join(err, w.stdin.Close(), w.cmd.Wait())
}

// stop ends every server, the last one first.
func (g *group) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.processes) > 0 {
		last := len(g.processes) - 1
		g.processes[last].stop()
		g.processes = g.processes[:last]
	}
}

func (p *process) stop() {
	// Interrupt is the quick, orderly end for all servers of the table. An
	// error means that it has ended already, which done tells as well.
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if p.watchdog != nil {
		_ = p.watchdog.Close()
	}
}

// ready waits until probe succeeds. The error holds the last lines that the
// server logged.
func (p *process) ready(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended at once; it said:\n%s", p.said())
		case <-ctx.Done():
			return fmt.Errorf("%w; it said:\n%s", err, p.said())
		case <-tick.C:
		}
	}
}

func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// freePort returns a loopback port that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
