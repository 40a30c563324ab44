package test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful/internal/testserver"
)

// watcher is the real program, watching as a process of its own.
type watcher struct {
	process *exec.Cmd
	lines   chan string
	exited  chan struct{}

	mu   sync.Mutex
	said bytes.Buffer  // standard error
	news chan struct{} // it said something
}

// Write takes what is said on standard error.
func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
	return w.said.Write(p)
}

func (w *watcher) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

// watch starts to watch, and returns when it says what.
func (s *shop) watch(t *testing.T, args ...string) *watcher {
	t.Helper()
	w := &watcher{lines: make(chan string, 1000), exited: make(chan struct{}), news: make(chan struct{}, 1)}
	w.process = exec.CommandContext(t.Context(), asProgram(t), append([]string{"watch"}, args...)...)
	w.process.Dir, w.process.Stderr = s.dir, w
	out := must(w.process.StdoutPipe())(t)
	if err := w.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			w.lines <- lines.Text()
		}
		_ = w.process.Wait()
		close(w.exited)
	}()
	t.Cleanup(func() {
		_ = w.process.Process.Kill()
		<-w.exited
	})
	w.awaitText(t, "watching ")
	return w
}

// awaitText waits until something was said on standard error.
func (w *watcher) awaitText(t *testing.T, part string) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !strings.Contains(w.text(), part) {
		select {
		case <-w.news:
		case <-w.exited:
			if !strings.Contains(w.text(), part) {
				t.Fatalf("it ended without %q:\n%s", part, w.text())
			}
		case <-deadline.C:
			t.Fatalf("it never says %q:\n%s", part, w.text())
		}
	}
}

// next returns the next line.
func (w *watcher) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-w.lines:
		return line
	case <-time.After(time.Minute):
		t.Fatalf("nothing is shown\n%s", w.text())
	}
	return ""
}

// end interrupts it, and returns the exit code and what it has shown since.
func (w *watcher) end(t *testing.T) (code int, rest []string) {
	t.Helper()
	if err := w.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	return w.wait(t)
}

func (w *watcher) wait(t *testing.T) (code int, rest []string) {
	t.Helper()
	select {
	case <-w.exited:
	case <-time.After(time.Minute):
		t.Fatalf("it does not end\n%s", w.text())
	}
	for {
		select {
		case line := <-w.lines:
			rest = append(rest, line)
		default:
			return w.process.ProcessState.ExitCode(), rest
		}
	}
}

// stripeDo changes something at Stripe.
func (s *shop) stripeDo(t *testing.T, path string, pairs ...string) string {
	t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	q := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.stripe.URL+path, strings.NewReader(form.Encode())))(t)
	q.Header.Set("Authorization", "Bearer sk_test_shop")
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got := must(http.DefaultClient.Do(q))(t)
	defer func() { _ = got.Body.Close() }()
	var made struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(got.Body).Decode(&made); err != nil || made.ID == "" {
		t.Fatalf("%s: %d, %v", path, got.StatusCode, err)
	}
	return made.ID
}

// delivers sends an event about a customer of company 11.
func (s *shop) delivers(t *testing.T, event, customer, more string) {
	t.Helper()
	body := fmt.Sprintf(`{"id": "%s", "object": "event", "type": "customer.updated", "created": %d, "livemode": false,
		"data": {"object": {"id": "%s", "object": "customer", "metadata": {"company_id": "11", "user_id": "7"}%s}}}`, event, time.Now().Unix(), customer, more)
	s.must200(t, "POST", "/v1/webhooks/stripe", "", body, "Stripe-Signature", signature(body, secret, time.Now()))
}

// TestWatchesWhatIsServed: beside a server that takes webhooks, on both engines, killed
// and started again: each event once, and the double not.
func TestWatchesWhatIsServed(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string { return "state: '" + testserver.Postgres(t) + "'\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, more(t))
			s.serve(t)
			s.delivers(t, "evt_before", "cus_before", "")
			w := s.watch(t)
			if !strings.HasPrefix(w.text(), "watching the inbox in ") || !strings.Contains(w.text(), "nothing is asked of Stripe") {
				t.Errorf("it says %q", w.text())
			}
			s.delivers(t, "evt_1", "cus_1", "")
			line := w.next(t)
			if strings.Contains(line, "cus_before") { // it had not been judged yet
				line = w.next(t)
			}
			if shown := strings.Join(strings.Fields(line)[2:], " "); shown != "customer.updated company 11 user 7 - mine cus_1" {
				t.Errorf("shown: %q", line)
			}
			for range 2 {
				s.delivers(t, "evt_2", "cus_2", "")
			}
			s.process.Process.Kill()
			s.ended(t)
			s.serve(t)
			s.delivers(t, "evt_2", "cus_2", "")
			s.delivers(t, "evt_3", "cus_3\u202e", "")
			s.delivers(t, "evt_4", "cus_4", `, "deleted": false`)
			for _, want := range []string{" cus_2", " cus_4"} {
				if line := w.next(t); !strings.HasSuffix(line, want) {
					t.Errorf("shown: %q, want %s", line, want)
				}
			}
			code, rest := w.end(t)
			if code != 0 || len(rest) != 0 {
				t.Errorf("exit code %d, then %q\n%s", code, rest, w.text())
			}

			// What came is shown again to who asks for it, as JSON, and that is all.
			again := s.watch(t, "--since", "1h", "--for", "3s", "--format", "json", "--config", filepath.Join(s.dir, "rightful.yaml"))
			code, rest = again.wait(t)
			var ids []string
			for _, line := range rest {
				var e struct {
					EventID   string  `json:"event_id"`
					CompanyID *string `json:"company_id"`
					Findings  []any   `json:"findings"`
				}
				if err := json.Unmarshal([]byte(line), &e); err != nil || e.CompanyID == nil || *e.CompanyID != "11" || e.Findings == nil {
					t.Errorf("%q, %v", line, err)
				}
				ids = append(ids, e.EventID)
			}
			if got := strings.Join(ids, " "); code != 0 || got != "evt_before evt_1 evt_2 evt_4" {
				t.Errorf("exit code %d, shown: %s\n%s", code, got, again.text())
			}
		})
	}
}

// TestWatchesStripeItself: without webhooks, Stripe's list is read, and what that costs
// is said.
func TestWatchesStripeItself(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.stripeDo(t, "/v1/customers", "metadata[company_id]", "11")
	w := s.watch(t, "--poll", "1s", "--config", "rightful.yaml")
	if !strings.Contains(w.text(), "watching Stripe's events of acct_") || !strings.Contains(w.text(), "in test mode every 1s: 3600 GETs an hour and some for payments, 36.00 % of the least") {
		t.Errorf("it says %q", w.text())
	}
	w.awaitLooks(t, s, 1)
	right := s.stripeDo(t, "/v1/customers", "metadata[company_id]", "11", "metadata[user_id]", "7", "description", "x")
	if line := w.next(t); !strings.Contains(line, right) || !strings.Contains(line, "company 11") || !strings.Contains(line, "mine") {
		t.Errorf("shown: %q", line)
	}
	s.exec(t, "UPDATE companies SET stripe_customer_id = '"+right+"' WHERE id = 11")
	s.stripeDo(t, "/v1/customers/"+right, "metadata[company_id]", "4")
	if line := w.next(t); !strings.Contains(line, "error RF101 stamp names a company that does not exist") || !strings.Contains(line, "company 11") {
		t.Errorf("shown: %q", line)
	}

	// Stripe goes away, which is said once, and comes back.
	s.meet(func(*http.Request) { panic(http.ErrAbortHandler) })
	w.awaitText(t, "watching goes on")
	lost := s.elsewhere(t, func() string { return s.stripeDo(t, "/v1/customers", "metadata[company_id]", "12") })
	if line := w.next(t); !strings.Contains(line, lost) || !strings.Contains(line, "company 12") {
		t.Errorf("shown: %q", line)
	}
	w.awaitText(t, "watching again: nothing was missed")
	if n := strings.Count(w.text(), "watching goes on"); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, w.text())
	}
	code, rest := w.end(t)
	if code != 0 || len(rest) != 0 || !strings.Contains(w.text(), "Stripe was asked ") {
		t.Errorf("exit code %d, then %q\n%s", code, rest, w.text())
	}
	if _, err := os.Stat(filepath.Join(s.dir, "rightful.db")); !os.IsNotExist(err) {
		t.Errorf("it left a state: %v", err)
	}

	// With --limit the findings decide about the exit code; --only and --company choose.
	for args, want := range map[string]int{
		"--since 1h --limit 1 --only findings": 2, "--since 1h --limit 1 --company 12": 0, "--since 1h --for 2s --company 13": 0, "--since 1h --for 4s": 2,
	} {
		w := s.watch(t, strings.Fields("--poll 1s "+args)...)
		code, rest := w.wait(t)
		if n := map[bool]int{true: 1, false: len(rest)}[strings.Contains(args, "--limit")]; code != want || n != len(rest) {
			t.Errorf("%s: exit code %d, shown %q\n%s", args, code, rest, w.text())
		}
	}
}

// TestWatchNeedsAKey: a wrong one is an error at once.
func TestWatchNeedsAKey(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_****shop"}}`)
	}))
	t.Cleanup(door.Close)
	file := filepath.Join(s.dir, "rightful.yaml")
	text := strings.ReplaceAll(string(must(os.ReadFile(file))(t)), s.stripe.URL, door.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := s.rightful(t, "watch"); code != 1 || out != "" || strings.Contains(errs, "watching") || !strings.Contains(errs, "stripe.key") || strings.Contains(errs, "sk_test_shop") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	text = strings.ReplaceAll(text, door.URL, s.stripe.URL)
	text = strings.ReplaceAll(text, "stripe: {", "stripe: {account: acct_another, ")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := s.rightful(t, "watch"); code != 4 || out != "" || !strings.Contains(errs, "acct_another is expected") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

// awaitLooks waits until Stripe was asked for events so often.
func (w *watcher) awaitLooks(t *testing.T, s *shop, n int) {
	t.Helper()
	looked := make(chan struct{}, 100)
	s.meet(func(r *http.Request) {
		if r.URL.Path == "/v1/events" {
			looked <- struct{}{}
		}
	})
	for range n + 1 { // the first of them may have begun before
		select {
		case <-looked:
		case <-time.After(time.Minute):
			t.Fatalf("it does not look\n%s", w.text())
		}
	}
}

// elsewhere does something at Stripe, after which Stripe answers everybody.
func (s *shop) elsewhere(_ *testing.T, do func() string) string {
	s.meet(nil)
	return do()
}

// TestWatchesAStateThatIsBusy: a writer does not disturb it, what cannot be read is said
// once, and a file that somebody has alone is not waited for for ever.
func TestWatchesAStateThatIsBusy(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.serve(t)
	s.delivers(t, "evt_1", "cus_1", "")
	if w := s.watch(t, "--since", "1h", "--limit", "1"); !strings.Contains(w.next(t), "cus_1") {
		t.Error(w.text())
	}
	s.stop(t)
	ctx := t.Context()
	conn := must(must(sql.Open("sqlite", filepath.Join(s.dir, "rightful.db")+"?_pragma=busy_timeout(10000)"))(t).Conn(ctx))(t)
	do := func(statement string) {
		t.Helper()
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	do("BEGIN IMMEDIATE")
	do("UPDATE rightful_webhook_events SET attempts = attempts + 1")
	w := s.watch(t, "--since", "1h")
	if line := w.next(t); !strings.Contains(line, "cus_1") {
		t.Errorf("shown: %q", line)
	}
	do("COMMIT")
	do("ALTER TABLE rightful_webhook_events RENAME TO away")
	w.awaitText(t, "watching goes on")
	if !strings.Contains(w.text(), "rightful: state: ") {
		t.Errorf("it says %s", w.text())
	}
	do("ALTER TABLE away RENAME TO rightful_webhook_events")
	w.awaitText(t, "watching again")
	if code, rest := w.end(t); code != 0 || len(rest) != 0 || strings.Count(w.text(), "watching goes on") != 1 {
		t.Errorf("exit code %d, then %q\n%s", code, rest, w.text())
	}

	do("PRAGMA locking_mode = EXCLUSIVE")
	do("BEGIN EXCLUSIVE")
	do("UPDATE rightful_webhook_events SET attempts = 1")
	if code, out, errs := s.rightful(t, "watch", "--for", "1s"); code != 1 || out != "" || !strings.Contains(errs, "another process has kept it locked for 10 seconds") {
		t.Errorf("locked: exit code %d, %s%s", code, out, errs)
	}
	do("ROLLBACK")
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
