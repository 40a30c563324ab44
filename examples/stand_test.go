package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rightful"
	"rightful/internal/cli"
	"rightful/internal/testserver"
)

// TestMain lets a test start the real command line as a process: this program, by
// another name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "rightful" {
		os.Exit(cli.Main(os.Args[1:], cli.System()))
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// example is one of the apps of this folder, with everything that runs beside it. Each
// is a process of its own, started as its README says.
type example struct {
	name string
	env  []string
	dir  string // where it runs: its config, its database, rightful's state
	sim  string // address of the simulator
	url  string // address of the app
	rf   string // address of rightful serve; empty: embedded

	stopSim func()
}

// examples are the apps, by their folders.
var examples = map[string]func(*testing.T) *example{"shop": openGo, "python": openPython}

// both runs a test on each app: they have the same pages.
func both(t *testing.T, test func(*testing.T, *example)) {
	t.Parallel()
	for name, open := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// prepare copies the files of an example to where it runs, with addresses that are
// free, and starts the simulator.
func prepare(t *testing.T, name, events string) *example {
	t.Helper()
	e := &example{name: name, dir: t.TempDir(), url: "http://" + free(t), rf: "http://" + free(t)}
	moved := strings.NewReplacer("http://127.0.0.1:8080", e.url, "127.0.0.1:8080", strings.TrimPrefix(e.url, "http://"),
		"http://127.0.0.1:8787", e.rf, "shop.db", filepath.Join(e.dir, "shop.db"))
	for _, file := range []string{"rightful.yaml", "stripe.json"} {
		text := moved.Replace(string(must(os.ReadFile(filepath.Join(name, file)))(t)))
		if err := os.WriteFile(filepath.Join(e.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text := string(must(os.ReadFile(filepath.Join(e.dir, "stripe.json")))(t)); !strings.Contains(text, events) {
		t.Fatalf("the simulator's events do not go to %s: %s", events, text)
	}
	sim := exec.Command(program(t), "sim", "--listen", "127.0.0.1:0", "--world", "stripe.json")
	e.sim, e.stopSim = e.start(t, sim, "stripesim answers at ")
	env := string(must(os.ReadFile(filepath.Join(name, "sim.env")))(t))
	env = strings.Replace(moved.Replace(env), "http://127.0.0.1:12111", e.sim, 1)
	e.env = append(os.Environ(), strings.Fields(env)...)
	return e
}

func openGo(t *testing.T) *example {
	e := prepare(t, "shop", "/webhooks/stripe")
	e.rf = ""
	e.start(t, exec.Command(shopProgram(t)), "the shop is open at ")
	return e
}

func openPython(t *testing.T) *example {
	e := prepare(t, "python", "/v1/webhooks/stripe")
	e.start(t, exec.Command(testserver.Python(t), "-B", must(filepath.Abs("python/app.py"))(t)), "the shop is open at ")
	e.start(t, exec.Command(program(t), "serve", "--listen", strings.TrimPrefix(e.rf, "http://")), "rightful serves at ")
	return e
}

// start runs a process until the test ends, or stop is called, and returns what its
// first line says after a beginning.
func (e *example) start(t *testing.T, c *exec.Cmd, says string) (said string, stop func()) {
	t.Helper()
	var log lockedBuffer
	c.Dir, c.Env, c.Stderr = e.dir, e.env, &log
	out := must(c.StdoutPipe())(t)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	stop = sync.OnceFunc(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
		defer late.Stop()
		if err := c.Wait(); err != nil && filepath.Base(c.Path) == "shop" {
			t.Errorf("the shop does not end well: %v", err)
		}
		if t.Failed() {
			t.Logf("%s %s:\n%s", e.name, says, &log)
		}
		for _, secret := range []string{"sk_test_shop", "whsec_", "only-for-the-simulator", "correct horse"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds %s:\n%s", secret, &log)
			}
		}
	})
	t.Cleanup(stop)
	said, found := strings.CutPrefix(strings.TrimSpace(line), says)
	if err != nil || !found {
		stop()
		t.Fatalf("%v; it said %q\n%s", err, line, &log)
	}
	go func() { _, _ = lines.WriteTo(&log) }()
	e.answers(t, said)
	return said, stop
}

// answers waits until somebody listens at an address.
func (e *example) answers(t *testing.T, address string) {
	t.Helper()
	until(t, address+" answers", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// until waits for something that other processes bring about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		case <-tick.C:
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// free returns an address that nobody listens on. It is below those that a system gives
// to outgoing connections, and to who asks for any: the process that is to listen there
// is only started.
func free(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
}

// given are the addresses that tests have.
var given sync.Map

// program returns the real command line, as a program that can be started.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rightful")
	if err := os.Symlink(must(os.Executable())(t), path); err != nil {
		t.Fatal(err)
	}
	return path
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// shopProgram builds the shop, once.
func shopProgram(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "rightful-shop-"); built.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", filepath.Join(built.dir, "shop"), "./shop").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "shop")
}

// audit runs the real audit, two hours from now, so that no payment is too young to be
// judged. It returns what is found that is more than information, as code and object.
func (e *example) audit(t *testing.T) []string {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main([]string{"audit", "--config", filepath.Join(e.dir, "rightful.yaml"), "--format", "json"}, cli.Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs, Now: func() time.Time { return time.Now().Add(2 * time.Hour) },
		Env: func(name string) (string, bool) {
			for _, variable := range slices.Backward(e.env) {
				if value, ok := strings.CutPrefix(variable, name+"="); ok {
					return value, true
				}
			}
			return "", false
		},
	})
	var report struct {
		Complete bool
		Findings []rightful.Finding
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || !report.Complete || code != cli.ExitOK && code != cli.ExitFindings {
		t.Fatalf("audit: exit code %d, %v, %s%s", code, err, &errs, &out)
	}
	found := []string{}
	for _, f := range report.Findings {
		if f.Severity != rightful.SeverityInfo {
			found = append(found, string(f.Code)+" "+f.Object.ID)
		}
	}
	slices.Sort(found)
	return found
}

// object reads one object of the simulator.
func (e *example) object(t *testing.T, path string) map[string]any {
	t.Helper()
	q := must(http.NewRequestWithContext(t.Context(), http.MethodGet, e.sim+path, nil))(t)
	q.SetBasicAuth("sk_test_shop", "")
	answer := must(http.DefaultClient.Do(q))(t)
	defer func() { _ = answer.Body.Close() }()
	var o map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&o); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
	return o
}
