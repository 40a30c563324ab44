package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/state"
)

// job is what another process does: it buys over the same parts.
type job struct {
	Stripe, App, State string // addresses
	Now                int64
	Customers          int // concurrent calls of EnsureCustomer
	Checkouts          int // and of CreateCheckoutSession, of each of Wishes
	Wishes             int
	// DieAt kills the process with SIGKILL at the n-th moment before or after it calls
	// a place, from 1; 0 for never.
	DieAt int
}

// outcome is what one call answered.
type outcome struct {
	Customer, Session string
	Wish              int // -1: a call of EnsureCustomer
	Created, Reused   bool
	Error             string
}

const jobVariable = "RIGHTFUL_GATEWAY_TEST_JOB"

// TestWorker is the program of the other processes, and no test.
func TestWorker(t *testing.T) {
	raw := os.Getenv(jobVariable)
	if raw == "" {
		t.Skip("it is run by other tests")
	}
	var j job
	if err := json.Unmarshal([]byte(raw), &j); err != nil {
		t.Fatal(err)
	}
	d, err := sqldirectory.Open(t.Context(), j.App, appMapping())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w, err := sqldirectory.OpenWriter(t.Context(), d, j.App, sqldirectory.WriteMapping{
		CompanyCustomer: "UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	clock := func() time.Time { return time.Unix(j.Now, 0) }
	store, err := state.Open(t.Context(), j.State, state.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	mortal := &mortality{at: int64(j.DieAt)}
	rest := func(ctx context.Context, _ time.Duration) error { // real time, but little
		timer := time.NewTimer(5 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	g, err := gateway.New(gateway.Options{
		Directory: d, Writer: mortalWriter{w, mortal}, Stripe: mortalStripe{openStripe(t, j.Stripe, rest), mortal}, Intents: mortalIntents{store, mortal},
		Keys: keySet(), OwnershipValue: "ledgerly", Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	do := func(f func() outcome) {
		all.Go(func() {
			line, _ := json.Marshal(f())
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%s\n", line)
		})
	}
	for range j.Customers {
		do(func() outcome {
			c, err := g.EnsureCustomer(t.Context(), "11", gateway.CustomerDetails{Name: "S3bela"})
			return outcome{Customer: c.StripeCustomerID, Created: c.Created, Wish: -1, Error: failureText(err)}
		})
	}
	for wish := range j.Wishes {
		for range j.Checkouts {
			do(func() outcome {
				r := buying()
				r.Quantity = int64(wish + 1)
				s, err := g.CreateCheckoutSession(t.Context(), r)
				return outcome{Customer: s.StripeCustomerID, Session: s.ID, Reused: s.Reused, Wish: wish, Error: failureText(err)}
			})
		}
	}
	all.Wait()
}

func failureText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// worker is another process.
type worker struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	errs  *strings.Builder
}

// hire starts a process, which waits until it is told to begin.
func (p *premises) hire(j job) *worker {
	p.t.Helper()
	j.Stripe, j.App, j.State, j.Now = p.url, p.dsn, p.states, p.clock().Unix()
	raw, err := json.Marshal(j)
	if err != nil {
		p.t.Fatal(err)
	}
	w := &worker{cmd: exec.CommandContext(p.t.Context(), os.Args[0], "-test.run=^TestWorker$"), errs: &strings.Builder{}}
	w.cmd.Env = append(os.Environ(), jobVariable+"="+string(raw))
	w.cmd.Stderr = w.errs
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	w.lines = bufio.NewScanner(out)
	if !w.lines.Scan() || w.lines.Text() != "ready" {
		p.t.Fatalf("the process does not begin: %s %s", w.lines.Text(), w.errs)
	}
	return w
}

// begin lets a process go on.
func (w *worker) begin() { _ = w.stdin.Close() }

// end waits for a process, and returns what it was answered and whether it was killed.
func (w *worker) end(t *testing.T) (answers []outcome, killed bool) {
	t.Helper()
	for w.lines.Scan() {
		var o outcome
		if json.Unmarshal(w.lines.Bytes(), &o) == nil {
			answers = append(answers, o)
		}
	}
	err := w.cmd.Wait()
	if status, ok := w.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return answers, true
	}
	if err != nil {
		t.Fatalf("the process failed: %v %s", err, w.errs)
	}
	return answers, false
}

// mortality kills the process at one of its moments.
type mortality struct {
	at  int64
	now int64
}

func (m *mortality) moment() {
	if m.at != 0 && atomic.AddInt64(&m.now, 1) == m.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

type mortalWriter struct {
	rightful.DirectoryWriter
	m *mortality
}

func (w mortalWriter) CompareAndSet(ctx context.Context, changes []rightful.FieldChange, commit bool) error {
	w.m.moment()
	defer w.m.moment()
	return w.DirectoryWriter.CompareAndSet(ctx, changes, commit)
}

type mortalStripe struct {
	gateway.Stripe
	m *mortality
}

func (s mortalStripe) CreateCustomer(ctx context.Context, c rightful.NewCustomer) (rightful.Object, error) {
	s.m.moment()
	defer s.m.moment()
	return s.Stripe.CreateCustomer(ctx, c)
}

func (s mortalStripe) CreateCheckout(ctx context.Context, c rightful.NewCheckout) (rightful.Checkout, error) {
	s.m.moment()
	defer s.m.moment()
	return s.Stripe.CreateCheckout(ctx, c)
}

func (s mortalStripe) SetMetadata(ctx context.Context, w rightful.MetadataWrite) error {
	s.m.moment()
	defer s.m.moment()
	return s.Stripe.SetMetadata(ctx, w)
}

type mortalIntents struct {
	rightful.IntentStore
	m *mortality
}

func (i mortalIntents) Promise(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	i.m.moment()
	defer i.m.moment()
	return i.IntentStore.Promise(ctx, in)
}

func (i mortalIntents) Send(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	i.m.moment()
	defer i.m.moment()
	return i.IntentStore.Send(ctx, in)
}

func (i mortalIntents) Keep(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	i.m.moment()
	defer i.m.moment()
	return i.IntentStore.Keep(ctx, in)
}

func (i mortalIntents) Renew(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	i.m.moment()
	defer i.m.moment()
	return i.IntentStore.Renew(ctx, in)
}
