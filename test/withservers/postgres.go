package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
)

var postgres = server{
	name:  "postgres",
	env:   "RIGHTFUL_TEST_POSTGRES",
	find:  findPostgres,
	start: startPostgres,
}

func findPostgres(ctx context.Context, log io.Writer) (string, error) {
	return findOrInstall(ctx, log, "postgresql", "postgresql", func() (string, error) {
		// initdb is sought, not postgres: it stands beside it, and a path
		// that has one has both.
		if path, err := exec.LookPath("initdb"); err == nil {
			if path, err = filepath.EvalSymlinks(path); err == nil {
				return filepath.Dir(path), nil
			}
		}
		for _, pattern := range []string{
			"/usr/lib/postgresql/*/bin/initdb",
			"/opt/homebrew/opt/postgresql*/bin/initdb",
			"/usr/local/opt/postgresql*/bin/initdb",
			"/usr/pgsql-*/bin/initdb",
		} {
			found, err := filepath.Glob(pattern)
			if err != nil {
				return "", err
			}
			if len(found) > 0 {
				return filepath.Dir(slices.Max(found)), nil
			}
		}
		return "", errNotFound
	})
}

// startPostgres starts a PostgreSQL that asks for a password, so that tests of
// a wrong one mean something, and that never waits for the disk.
func startPostgres(ctx context.Context, g *group, bin, dir string) (string, error) {
	password := rand.Text()
	passwordFile, data := filepath.Join(dir, "password"), filepath.Join(dir, "data")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}

	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=rightful",
		"--auth=scram-sha-256", "--pwfile="+passwordFile, "--encoding=UTF8", "--locale=C", "--no-sync")
	serve := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300",
		"-c", "shared_buffers=64MB", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "timezone=UTC")
	for _, cmd := range []*exec.Cmd{initdb, serve} {
		cmd.Dir = dir
		cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "PG") })
	}
	if err := unprivileged("postgres", []*exec.Cmd{initdb, serve}, dir, passwordFile); err != nil {
		return "", err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}

	process, err := g.run(serve)
	if err != nil {
		return "", err
	}
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword("rightful", password),
		Host: "127.0.0.1:" + port, Path: "/postgres", RawQuery: "sslmode=disable",
	}
	db, err := sql.Open("pgx", address.String())
	if err != nil {
		return "", err
	}
	defer db.Close()
	return address.String(), process.ready(ctx, db.PingContext)
}
