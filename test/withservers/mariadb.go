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

	"github.com/go-sql-driver/mysql"
)

var mariadb = server{
	name:  "mariadb",
	env:   "RIGHTFUL_TEST_MARIADB",
	find:  findMariaDB,
	start: startMariaDB,
}

func findMariaDB(ctx context.Context, log io.Writer) (string, error) {
	return findOrInstall(ctx, log, "mariadb-server", "mariadb", func() (string, error) {
		if path, err := exec.LookPath("mariadbd"); err == nil {
			return path, nil
		}
		// The server stands where an ordinary user's PATH does not look.
		for _, pattern := range []string{
			"/usr/sbin/mariadbd",
			"/usr/libexec/mariadbd",
			"/opt/homebrew/opt/mariadb*/bin/mariadbd",
			"/usr/local/opt/mariadb*/bin/mariadbd",
		} {
			found, err := filepath.Glob(pattern)
			if err != nil {
				return "", err
			}
			if len(found) > 0 {
				return slices.Max(found), nil
			}
		}
		return "", errNotFound
	})
}

// installDB returns the program that makes an empty data folder: it stands
// beside the server, or where every user finds it.
func installDB(program string) (string, error) {
	const name = "mariadb-install-db"
	beside := filepath.Join(filepath.Dir(program), name)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	return exec.LookPath(name)
}

// startMariaDB starts a MariaDB that asks for a password and never waits for
// the disk. Its clock has a zone that is not UTC, as those of many apps do.
func startMariaDB(ctx context.Context, g *group, program, dir string) (string, error) {
	install, err := installDB(program)
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	password := rand.Text()
	users, data := filepath.Join(dir, "users.sql"), filepath.Join(dir, "data")
	if err := os.WriteFile(users, fmt.Appendf(nil, "CREATE OR REPLACE USER rightful@'%%' IDENTIFIED BY '%s';\n"+
		"GRANT ALL ON *.* TO rightful@'%%' WITH GRANT OPTION;\n", password), 0o600); err != nil {
		return "", err
	}

	makeData := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+data, "--skip-test-db",
		"--auth-root-authentication-method=socket", "--skip-name-resolve")
	serve := exec.Command(program, "--no-defaults", "--datadir="+data, "--init-file="+users,
		"--bind-address=127.0.0.1", "--port="+port, "--socket="+filepath.Join(dir, "socket"), "--pid-file="+filepath.Join(dir, "pid"),
		"--skip-name-resolve", "--max-connections=300", "--character-set-server=utf8mb4", "--default-time-zone=+05:30",
		"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
		// Without this an interrupt, by which servers are stopped, is ignored.
		"--debug-gdb")
	for _, cmd := range []*exec.Cmd{makeData, serve} {
		cmd.Dir = dir
	}
	if err := unprivileged("mysql", []*exec.Cmd{makeData, serve}, dir, users); err != nil {
		return "", err
	}
	if out, err := makeData.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}

	process, err := g.run(serve)
	if err != nil {
		return "", err
	}
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr = "rightful", password, "tcp", "127.0.0.1:"+port
	config.Logger = &mysql.NopLogger{} // it is asked until it answers
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	address := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, password), Host: config.Addr, Path: "/mysql"}
	return address.String(), process.ready(ctx, db.PingContext)
}
