package test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/journal"
	"rightful/internal/testserver"
)

// TestTheJournalFailsAtEveryRecord: from one record on nothing can be recorded any
// more. Nothing is written of which the intent was not recorded, the run says that
// it was stopped, and it is continued to its end when there is room again.
func TestTheJournalFailsAtEveryRecord(t *testing.T) {
	t.Parallel()
	cases := map[string]int{}
	for n := 1; n <= 22; n++ {
		cases[fmt.Sprintf("record %d", n)] = n
	}
	together(t, cases, func(t *testing.T, n int) {
		s := standOn(t, 0, "")
		before, file := s.objects(t), s.plans(t)
		if code, _, _ := s.rightful(t, "journal", "list"); code == cli.ExitOK {
			t.Fatal("there is a journal")
		}
		s.rightful(t, "fix", "nobody@example.com", "--yes") // makes it
		s.inState(t, fmt.Sprintf(`CREATE TRIGGER full BEFORE INSERT ON rightful_journal WHEN NEW.seq >= %d BEGIN SELECT RAISE(ABORT, 'no room'); END`, n))
		code, a, errs := s.applies(t, file)
		recorded := s.journalled(t, `SELECT COUNT(*) FROM rightful_journal`)
		intents := s.journalled(t, `SELECT COUNT(*) FROM rightful_journal WHERE kind = 'step_intended'`)
		if recorded == n-1 && a.Run.Status != journal.StatusFinished { // it came to that record
			written := s.writes()
			if link(t, 0, s.dsn) != "" {
				written++
			}
			if !s.redis.Exists(":1:user_company_7") {
				written++
			}
			if written > intents {
				t.Errorf("%d writes, and %d intents were recorded", written, intents)
			}
			switch {
			case n == 1 && (code != cli.ExitError || !strings.Contains(errs, "no room")):
				t.Errorf("exit code %d, %s", code, errs)
			case n > 1 && (code != cli.ExitPartly || errs != "" || !strings.Contains(a.Result.Stopped, "no room")):
				t.Errorf("exit code %d, %s, stopped %q", code, errs, a.Result.Stopped)
			}
		} else if a.Run.Status != journal.StatusFinished {
			t.Errorf("%d records, exit code %d, %s", recorded, code, errs)
		} else {
			return // a run of the incident has fewer records
		}
		s.inState(t, `DROP TRIGGER full`)
		s.now += journal.StaleAfter
		args := []string{"--continue", a.Run.ID}
		if n == 1 {
			args = []string{file}
		}
		if code, a, errs = s.applies(t, args...); code != cli.ExitFindings || a.Run.Status != journal.StatusFinished || errs != "" {
			t.Errorf("continued: exit code %d, %s\n%+v", code, errs, a)
		}
		s.repairedOnce(t, before)
		s.wholeJournal(t)
		s.stands(t, a.Run.ID)
	})
}

// inState runs a statement in the state.
func (s *stand) inState(t *testing.T, statement string) {
	t.Helper()
	db := s.openState(t)
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// cut takes a PostgreSQL database away from whoever uses it, and returns what
// gives it back.
func cut(t *testing.T, dsn string) (restore func()) {
	t.Helper()
	u := must(url.Parse(dsn))(t)
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	admin := must(sql.Open("pgx", u.String()))(t)
	t.Cleanup(func() { _ = admin.Close() })
	do := func(statement string) {
		if _, err := admin.ExecContext(context.Background(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	do("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
	do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'")
	restore = func() { do("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true") }
	t.Cleanup(restore)
	return restore
}

// TestTheStateGoesAwayAtEveryStamp: the database of the journal is taken away while
// a stamp is on its way. It is the last write of the run.
func TestTheStateGoesAwayAtEveryStamp(t *testing.T) {
	t.Parallel()
	cases := map[string]int{}
	for n := range stamped {
		cases[fmt.Sprintf("stamp %d", n+1)] = n
	}
	together(t, cases, func(t *testing.T, n int) {
		s := standOn(t, 0, testserver.Postgres(t))
		before, file := s.objects(t), s.plans(t)
		sent := 0
		var restore func()
		s.on(&hook{method: http.MethodPost, path: stamped[n].path, do: func() { restore = cut(t, s.state); sent = s.writes() }})
		code, a, errs := s.applies(t, file)
		if restore == nil || s.writes() != sent+1 {
			t.Fatalf("%d writes after it, exit code %d, %s", s.writes()-sent-1, code, errs)
		}
		switch {
		case code != cli.ExitPartly:
			t.Errorf("exit code %d, %s", code, errs)
		case a.Result.Stopped == "":
			t.Errorf("it does not say that it was stopped: %+v", a.Result)
		}
		restore()
		s.now += journal.StaleAfter
		if code, a, errs = s.applies(t, "--continue", a.Run.ID); code != cli.ExitFindings || a.Run.Status != journal.StatusFinished || errs != "" {
			t.Errorf("continued: exit code %d, %s\n%+v", code, errs, a)
		}
		s.repairedOnce(t, before)
		s.wholeJournal(t)
		s.stands(t, a.Run.ID)
	})
}

// TestTheDatabaseGoesAway: the app's database is taken away in the middle of a
// unit. The stamps of the unit are put back, because its row was surely not
// written, the other units go on, and the run is continued to its end.
func TestTheDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	s := standOn(t, 1, "")
	before, file := s.objects(t), s.plans(t)
	var restore func()
	s.on(&hook{method: http.MethodPost, path: stamped[4].path, do: func() { restore = cut(t, s.dsn) }})
	code, a, errs := s.applies(t, file)
	if restore == nil || code != cli.ExitPartly || errs != "" || a.Verified.Failed == "" {
		t.Fatalf("exit code %d, %s\n%+v", code, errs, a)
	}
	restore()
	want := map[apply.State]int{apply.StatePutBack: 3, apply.StateFailed: 1, apply.StateDone: 3}
	for state, n := range want {
		if got := a.states()[state]; got != n {
			t.Errorf("%d %s, want %d: %+v", got, state, n, a.Result.Outcomes)
		}
	}
	for i, is := range []string{"11", "11", "4", "4", "4"} {
		if got := s.stamp(t, stamped[i].path); got != is {
			t.Errorf("%s: %q", stamped[i].path, got)
		}
	}
	if code, a, errs = s.applies(t, "--continue", a.Run.ID); code != cli.ExitFindings || a.Run.Status != journal.StatusFinished {
		t.Errorf("continued: exit code %d, %s\n%+v", code, errs, a)
	}
	if diff := stampsWritten(t, before, s.objects(t)); len(diff) != len(repaired) || link(t, 1, s.dsn) != "cus_S3belaPaying03" {
		t.Errorf("stamps: %v", diff)
	}
	s.wholeJournal(t)
	s.stands(t, a.Run.ID)
}

// TestTheDiskIsFull: the file of the journal may not grow any more, sooner or later
// in a run of the real program. What was written was recorded before, and the run
// is continued when there is room.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash, whose ulimit counts in KiB")
	}
	cases := map[string]int{}
	for kib := 330; kib <= 750; kib += 60 {
		cases[fmt.Sprintf("%d KiB", kib)] = kib
	}
	stopped := atomic.Int32{}
	together(t, cases, func(t *testing.T, kib int) {
		s := standOn(t, 0, "")
		before, file := s.objects(t), filepath.Join(t.TempDir(), "plan.json")
		if p := s.process(t, "plan", "--out", file); p.end(t) != cli.ExitFindings {
			t.Fatal(p.errs.String())
		}
		s.rightful(t, "apply", "--continue", "run-none") // makes the state
		p := s.start(t, exec.CommandContext(t.Context(), "bash", "-c", fmt.Sprintf(`ulimit -f %d && exec rightful "$@"`, kib), "bash",
			"apply", file, "--format", "json", "--config", s.write(t)))
		code := p.end(t)
		var a applied
		if out := p.out.Bytes(); len(out) > 0 {
			must(0, json.Unmarshal(out, &a))(t)
		}
		switch {
		case code == cli.ExitPartly && a.Result.Stopped != "":
			stopped.Add(1)
		case code == cli.ExitFindings && a.Run.Status == journal.StatusFinished:
		case code == cli.ExitError && p.errs.Len() > 0 && s.writes() == 0: // not even a beginning
		default:
			t.Errorf("exit code %d, %s%s", code, &p.out, &p.errs)
		}
		if intents := s.journalled(t, `SELECT COUNT(*) FROM rightful_journal WHERE kind = 'step_intended'`); s.writes() > intents {
			t.Errorf("%d stamps, and %d intents were recorded", s.writes(), intents)
		}
		args := []string{"apply", file}
		if s.begun(t) {
			args = []string{"apply", "--continue", "run-"}
		}
		if a.Run.Status != journal.StatusFinished {
			if p := s.process(t, args...); p.end(t) != cli.ExitFindings || p.errs.Len() > 0 {
				t.Errorf("continued: %s%s", &p.out, &p.errs)
			}
		}
		s.repairedOnce(t, before)
		s.wholeJournal(t)
	})
	if stopped.Load() == 0 {
		t.Error("no run was stopped in its middle")
	}
}
