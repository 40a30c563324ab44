package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// server is one kind of server that tests need.
type server struct {
	name string
	env  string // the variable that tells the command where it is
	// find returns the path of the server's program, installing it when it
	// may.
	find func(ctx context.Context, log io.Writer) (string, error)
	// start runs the program in the empty folder dir until it serves, and
	// returns its address as a URL.
	start func(ctx context.Context, g *group, program, dir string) (string, error)
}

// servers is the table of everything that is started. A new kind of server is
// a file with a server value, and a line here.
func servers() []server { return []server{postgres, mariadb, redis, chromium, python} }

// readyWithin is how long a server may take until it serves.
const readyWithin = time.Minute

// start starts all servers side by side and returns their addresses as
// environment variables.
func (g *group) start(ctx context.Context, all []server, log io.Writer) ([]string, error) {
	// Installing comes first and one by one: package managers hold a lock.
	programs := make([]string, len(all))
	for i, s := range all {
		if os.Getenv(s.env) != "" {
			continue
		}
		program, err := s.find(ctx, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n(%s can name a server of your own instead)", s.name, err, s.env)
		}
		programs[i] = program
	}

	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	env := make([]string, len(all))
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, s := range all {
		if programs[i] == "" {
			continue
		}
		wait.Go(func() {
			dir := filepath.Join(g.dir, s.name)
			if errs[i] = os.Mkdir(dir, 0o700); errs[i] != nil {
				return
			}
			address, err := s.start(ctx, g, programs[i], dir)
			if err != nil {
				errs[i] = fmt.Errorf("%s did not start: %w", s.name, err)
				return
			}
			env[i] = s.env + "=" + address
		})
	}
	wait.Wait()

	var set []string
	for i := range all {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if env[i] != "" {
			set = append(set, env[i])
		}
	}
	return set, nil
}
