package test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rightful/internal/cli"
	"rightful/test/truth"
)

// TestMain lets scripts run the real command line as the program rightful.
func TestMain(m *testing.M) {
	truth.SameInCI()
	testscript.Main(tidying{m}, map[string]func(){
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
			"exits":      exits,
			"slowstripe": slowStripe,
			"stripes":    stripes,
			"asked":      asked,
			"recorded":   recorded,
			"sqlite":     sqlite,
			"deployed":   deployedApp,
			"channels":   channels,
			"alerted":    alerted,
			"mirrored":   mirrored,
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

// slowStripe starts a Stripe whose lists never answer, and an empty database,
// for tests that interrupt a read. Its address is in STRIPE_URL.
func slowStripe(ts *testscript.TestScript, _ bool, _ []string) {
	reading := make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/account":
			fmt.Fprint(w, `{"id": "acct_1", "object": "account"}`)
		case r.URL.Query().Get("limit") == "1":
			fmt.Fprint(w, `{"object": "list", "url": "/v1/customers", "has_more": false, "data": []}`)
		default:
			once.Do(func() { close(reading) })
			<-r.Context().Done()
		}
	}))
	ts.Defer(server.CloseClientConnections)
	ts.Setenv("STRIPE_URL", server.URL)
	slowLists.Store(ts, reading)

	db, err := sql.Open("sqlite", ts.MkAbs("app.db"))
	ts.Check(err)
	_, err = db.Exec("CREATE TABLE companies (id INTEGER PRIMARY KEY)")
	ts.Check(err)
	ts.Check(db.Close())
}

// slowLists tells, by script, when its slow Stripe was asked for a list.
var slowLists sync.Map

// asked waits until the slow Stripe was asked for a list.
func asked(ts *testscript.TestScript, _ bool, _ []string) {
	reading, _ := slowLists.Load(ts)
	select {
	case <-reading.(chan struct{}):
	case <-time.After(time.Minute):
		ts.Fatalf("no list was asked for")
	}
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
