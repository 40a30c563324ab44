package state_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"rightful/internal/journal"
	"rightful/internal/state"
)

// TestMain lets a test run this program again as another process.
func TestMain(m *testing.M) {
	if address := os.Getenv("RIGHTFUL_TEST_STATE"); address != "" {
		if err := another(address, os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// another is the other process: it applies a plan of a few steps on an account
// of its own, or it says that it is about to write, and waits to be killed.
func another(address, plan, how string) error {
	ctx := context.Background()
	s, err := state.Open(ctx, address, state.Options{Now: atBegan, Holder: plan})
	if err != nil {
		return err
	}
	st := start(plan, 5)
	st.Account = plan
	r, err := s.Begin(ctx, st)
	if err != nil {
		return err
	}
	for n := range 5 {
		step := stamp(fmt.Sprintf("step-%d", n), "cus_1")
		if err := r.Intend(ctx, intent(step, r)); err != nil {
			return err
		}
		if how == "hang" {
			fmt.Println(r.ID())
			select {}
		}
		if err := r.Settle(ctx, done(step)); err != nil {
			return err
		}
	}
	if err := r.Finish(ctx, journal.RunEnd{}); err != nil {
		return err
	}
	return s.Close()
}

func (b *bench) process(plan, how string) *exec.Cmd {
	cmd := exec.CommandContext(b.Context(), os.Args[0], plan, how)
	cmd.Env = append(os.Environ(), "RIGHTFUL_TEST_STATE="+b.address)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestProcessesShareAJournal(t *testing.T) {
	onBoth(t, func(b *bench) {
		var all []*exec.Cmd
		for i := range 4 { // the tables are not there yet: all of them make them
			cmd := b.process(fmt.Sprintf("plan-%d", i), "whole")
			must(b, cmd.Start())
			all = append(all, cmd)
		}
		for _, cmd := range all {
			must(b, cmd.Wait())
		}
		s := b.open()
		b.mustBeWhole(s)
		if c := b.verify(s); c.Records != 4*12 {
			b.Errorf("%d records", c.Records)
		}
	})
}

func TestAnIntentOutlivesAKilledProcess(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open() // held open beside the other
		cmd := b.process("plan-a", "hang")
		out, err := cmd.StdoutPipe()
		must(b, err, cmd.Start())
		id, err := bufio.NewReader(out).ReadString('\n')
		must(b, err, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		id = id[:len(id)-1]
		if sum := b.summary(s, id); sum.Counts != (journal.Counts{Open: 1}) {
			b.Errorf("got %+v", sum)
		}
		b.mustBeWhole(s)
		b.clock.Add(journal.StaleAfter)
		again := start("plan-a", 5)
		again.Account, again.Continue = "plan-a", id
		if st := b.begin(s, again).Before()["step-0"]; !st.Open || st.Attempt != 1 {
			b.Errorf("got %+v", st)
		}
	})
}
