package mirror_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/mirror"
	"rightful/internal/source/sourcetest"
)

// TestMain lets a test run this program again as another process.
func TestMain(m *testing.M) {
	if address := os.Getenv("RIGHTFUL_TEST_MIRROR"); address != "" {
		if err := another(address, os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const (
	pageObjects = 100
	bigKeep     = 100 // pages
)

// another is the other process: it keeps a few small pages and tells, then a lot at
// once; or it keeps small pages only, beside others that do the same.
func another(address, name, how string) error {
	ctx := context.Background()
	m, err := mirror.Open(ctx, address, mirror.Options{})
	if err != nil {
		return err
	}
	a := m.Of("acct_1", true, sourcetest.StripeKeys())
	p, err := a.Begin(ctx, rightful.TypeSubscription, 1000, []rightful.MirrorWindow{{ID: 1, To: 1000}})
	if err != nil {
		return err
	}
	next := 0
	page := func() rightful.MirrorPage {
		page := rightful.MirrorPage{Pass: p.ID}
		for range pageObjects {
			o := rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeSubscription, ID: fmt.Sprintf("sub_%s_%d", name, next), StripeCustomerID: fmt.Sprintf("cus_%d", next*7919%1000)}
			page.Objects = append(page.Objects, rightful.MirrorObject{Object: o, AsOf: 1, Exists: rightful.ExistsPresent})
			next++
		}
		if how == "killed" {
			page.Windows = []rightful.MirrorWindow{{ID: 1, To: 1000, After: page.Objects[pageObjects-1].ID}}
		}
		return page
	}
	for range 20 {
		if err := a.Keep(ctx, []rightful.MirrorPage{page()}); err != nil {
			return err
		}
	}
	if how != "killed" {
		return m.Close()
	}
	var big []rightful.MirrorPage
	for range bigKeep {
		big = append(big, page())
	}
	fmt.Println("keeping")
	if err := a.Keep(ctx, big); err != nil {
		return err
	}
	fmt.Println("kept")
	select {}
}

func process(t *testing.T, address, name, how string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], name, how)
	cmd.Env = append(os.Environ(), "RIGHTFUL_TEST_MIRROR="+address)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestAKilledProcessLeavesWholePages kills a process in the middle of keeping many.
func TestAKilledProcessLeavesWholePages(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(*testing.T) string) {
		address := empty(t)
		cmd := process(t, address, "a", "killed")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		if line, err := lines.ReadString('\n'); line != "keeping\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if line, _ := lines.ReadString('\n'); line != "" {
			t.Logf("it was quicker than the kill: %q", line)
		}
		_ = cmd.Wait() // it was killed

		m := open(t, address)
		a := m.Of("acct_1", true, sourcetest.StripeKeys())
		parts, err := a.Parts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		part := parts[2]
		if part.Pass == nil || part.Pass.Pages != 20 && part.Pass.Pages != 20+bigKeep {
			t.Fatalf("got %+v", part)
		}
		want := part.Pass.Pages * pageObjects
		if part.Objects != want || part.Pass.Objects != want || part.Pass.Windows[0].After != fmt.Sprintf("sub_a_%d", want-1) {
			t.Errorf("%d pages, and %+v, %+v", part.Pass.Pages, part, part.Pass)
		}
		listed := int64(0)
		for _, err := range a.List(t.Context(), rightful.ListQuery{Type: rightful.TypeSubscription}) {
			if err != nil {
				t.Fatal(err)
			}
			listed++
		}
		if listed != want {
			t.Errorf("%d of %d objects", listed, want)
		}
		if strings.HasPrefix(address, "sqlite:") {
			var whole string
			if err := m.DB().QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&whole); err != nil || whole != "ok" {
				t.Errorf("integrity: %s, %v", whole, err)
			}
		}
		// It can be gone on with.
		if err := a.Keep(t.Context(), []rightful.MirrorPage{{Pass: part.Pass.ID, Windows: []rightful.MirrorWindow{{ID: 1, To: 1000, Done: true}}}}); err != nil {
			t.Error(err)
		}
		if err := a.End(t.Context(), part.Pass.ID, 2000); err != nil {
			t.Error(err)
		}
	})
}

// TestProcessesShareAMirror lets several make it, and write it at the same time.
func TestProcessesShareAMirror(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(*testing.T) string) {
		address := empty(t)
		var all []*exec.Cmd
		for i := range 4 {
			cmd := process(t, address, fmt.Sprint(i), "beside others")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			all = append(all, cmd)
		}
		for _, cmd := range all {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		}
		a := open(t, address).Of("acct_1", true, sourcetest.StripeKeys())
		parts, err := a.Parts(t.Context())
		if want := int64(4 * 20 * pageObjects); err != nil || parts[2].Objects != want || parts[2].Pass.Objects != want {
			t.Errorf("got %+v, %v", parts[2], err)
		}
	})
}

// TestAWriterWaits for another process's transaction, and not for ever.
func TestAWriterWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mirror.db")
	holder, slow := open(t, "sqlite:"+path), open(t, "sqlite:"+path)
	hurried, err := mirror.Open(t.Context(), "sqlite:"+path, mirror.Options{Within: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer hurried.Close()
	tx, err := holder.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	page := []rightful.MirrorPage{{Objects: []rightful.MirrorObject{{Object: rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: "cus_1"}, Exists: rightful.ExistsPresent}}}}
	if err := hurried.Of("acct_1", true, sourcetest.StripeKeys()).Keep(t.Context(), page); rightful.KindOf(err) != rightful.KindUnavailable && rightful.KindOf(err) != rightful.KindUnreachable {
		t.Errorf("got %v", err)
	}
	if _, err := hurried.Of("acct_1", true, sourcetest.StripeKeys()).Parts(t.Context()); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	kept := make(chan error, 1)
	go func() { kept <- slow.Of("acct_1", true, sourcetest.StripeKeys()).Keep(t.Context(), page) }()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-kept; err != nil {
		t.Errorf("got %v", err)
	}
}

// TestOpenRefuses tells what is wrong with an address, and never a password.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(folder, "newer.db")
	if m := open(t, "sqlite:"+newer); true {
		if _, err := m.DB().ExecContext(t.Context(), `INSERT INTO mirror_schema (version) VALUES (99)`); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]struct {
		kind rightful.ErrorKind
		says string
	}{
		"":                       {rightful.KindInvalid, "no address"},
		"mirror.db":              {rightful.KindInvalid, "sqlite:rightful-mirror.db"},
		"mysql://u:s3cret@h/d":   {rightful.KindInvalid, "no address"},
		"sqlite:":                {rightful.KindInvalid, "names no file"},
		"sqlite::memory:":        {rightful.KindInvalid, "would be lost"},
		"sqlite:m.db?mode=ro":    {rightful.KindInvalid, "no parameters"},
		"sqlite:" + folder:       {rightful.KindInvalid, "is a folder"},
		"sqlite:" + text:         {rightful.KindInvalid, "no SQLite file"},
		"sqlite:" + newer:        {rightful.KindRefused, "newer version (schema 99"},
		"sqlite:/nowhere/at/all": {rightful.KindForbidden, "cannot be made"},
		"postgres://u:s3cret@[h": {rightful.KindInvalid, "no PostgreSQL address"},
		"postgres://u:s3cret@127.0.0.1:1/d?sslmode=disable": {rightful.KindUnreachable, "127.0.0.1:1/d"},
	} {
		m, err := mirror.Open(t.Context(), address, mirror.Options{})
		if err == nil {
			t.Errorf("%q was opened: %v", address, m.Close())
			continue
		}
		if rightful.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %s: %v", address, rightful.KindOf(err), err)
		}
	}
}

// TestTheFileIsForItsOwner alone: it names the customers of a business.
func TestTheFileIsForItsOwner(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have other permissions there")
	}
	path := filepath.Join(t.TempDir(), "mirror.db")
	m := open(t, "sqlite:"+path)
	if err := m.Of("acct_1", true, sourcetest.StripeKeys()).Keep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info, err)
		}
	}
}
