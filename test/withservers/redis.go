package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
)

var redis = server{
	name:  "redis",
	env:   "RIGHTFUL_TEST_REDIS",
	find:  findRedis,
	start: startRedis,
}

func findRedis(ctx context.Context, log io.Writer) (string, error) {
	return findOrInstall(ctx, log, "redis-server", "redis", func() (string, error) {
		for _, name := range []string{"redis-server", "valkey-server"} {
			if path, err := exec.LookPath(name); err == nil {
				return path, nil
			}
		}
		return "", errNotFound
	})
}

// startRedis starts a Redis that asks for a password and keeps nothing on
// disk. It has many logical databases: each test gets one of its own.
func startRedis(ctx context.Context, g *group, program, dir string) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	password := rand.Text()
	serve := exec.Command(program, "-") // the configuration comes on standard input: a password is no argument
	serve.Dir = dir
	serve.Stdin = strings.NewReader(fmt.Sprintf(
		"bind 127.0.0.1\nport %s\nrequirepass %s\ndatabases 2048\nsave \"\"\nappendonly no\ndaemonize no\n", port, password))
	process, err := g.run(serve)
	if err != nil {
		return "", err
	}
	address := url.URL{Scheme: "redis", User: url.UserPassword("", password), Host: "127.0.0.1:" + port, Path: "/0"}
	return address.String(), process.ready(ctx, func(ctx context.Context) error {
		return pingRedis(ctx, address.Host, password)
	})
}

// pingRedis signs in by hand: two lines are not worth a client library.
func pingRedis(ctx context.Context, host, password string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\n", password); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "+OK") {
		return fmt.Errorf("AUTH was answered with %q", strings.TrimSpace(answer))
	}
	return nil
}
