package test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rightful/internal/cli"
)

var (
	killsAll  = flag.Bool("kills.all", false, "kill the program at every moment, and at many random ones (make kills)")
	killsSeed = flag.Uint64("kills.seed", uint64(time.Now().Unix()/86400), "chooses the moments; it changes each day")
)

// moments chooses about n of the moments, as the seed says; all of them on demand.
func (k *killing) moments(n int) []int {
	every := 1
	if !*killsAll {
		every = max(len(k.hits)/max(n, 1), 1)
	}
	var out []int
	for at := 1 + int(*killsSeed%uint64(every)); at <= len(k.hits); at += every {
		out = append(out, at)
	}
	return out
}

// manner is a way of killing: how often, when nothing but a sample is asked for,
// and when everything is.
type manner struct {
	name      string
	some, all int // all is 0 for one at each moment
	try       func(t *testing.T, k *killing, n int)
}

// TestKilled kills a repair, and an undo, in every manner; it is gone on with, and
// ends as if nobody had killed it.
func TestKilled(t *testing.T) {
	t.Parallel()
	manners := []manner{
		{"again", 1, len(killStrides), killedAgain},
		{"twice", 0, 30, killedTwice},
		{"outside", 1, 50, killedFromOutside},
		{"late", 2, 18 * len(arrivals), killedWhileSending},
		{"taken back", 2, 0, killedAndTakenBack},
	}
	for name, o := range killings(t) {
		for what, undo := range map[string]bool{"apply": false, "undo": true} {
			t.Run(what+"-"+name, func(t *testing.T) {
				t.Parallel()
				k := newKilling(t, o, undo)
				say(t, k.kinds())
				first := name == "sqlite" && !undo // of which the sample is larger
				t.Run("once", func(t *testing.T) {
					t.Parallel()
					mine := k.counting(t)
					for _, at := range k.moments(map[bool]int{false: 1, true: 6}[first]) {
						t.Run(k.named(at), func(t *testing.T) { t.Parallel(); killedOnce(t, mine, at) })
					}
				})
				for _, m := range manners {
					many := m.some
					switch {
					case *killsAll && m.all == 0:
						many = len(k.hits)
					case *killsAll:
						many = m.all
					case !first && m.name != "again":
						many = 0
					}
					if many == 0 {
						continue
					}
					t.Run(m.name, func(t *testing.T) {
						t.Parallel()
						mine := k.counting(t)
						mine.many = many
						for n := range many {
							t.Run(fmt.Sprint(n), func(t *testing.T) { t.Parallel(); m.try(t, mine, n) })
						}
					})
				}
			})
		}
	}
}

// named is a moment for people.
func (k *killing) named(at int) string {
	return fmt.Sprintf("%03d-%s", at, strings.ReplaceAll(k.hits[at-1], "/", "-"))
}

// counting returns the same with counters of its own, which are told when the test
// and its subtests have ended.
func (k *killing) counting(t *testing.T) *killing {
	mine := *k
	mine.tally = &tally{}
	t.Cleanup(func() {
		all.add(mine.tally)
		say(t, fmt.Sprintf("%s; seed %d; in all so far %s", mine.tally, *killsSeed, &all))
	})
	return &mine
}

// say tells a result, also of a test that passes.
func say(t *testing.T, what string) {
	t.Log(what)
	if *killsAll {
		fmt.Printf("%s: %s\n", t.Name(), what)
	}
}

// kinds are the moments of a run, counted by name.
func (k *killing) kinds() string {
	count := map[string]int{}
	for _, h := range k.hits {
		count[h]++
	}
	var told []string
	for _, h := range slices.Sorted(maps.Keys(count)) {
		told = append(told, fmt.Sprintf("%d %s", count[h], h))
	}
	return fmt.Sprintf("%d moments: %s", len(k.hits), strings.Join(told, ", "))
}

// killedOnce kills it at one moment.
func killedOnce(t *testing.T, k *killing, at int) {
	p := k.prepare(t)
	if !k.dies(t, p, at) {
		t.Fatalf("it did not come to moment %d", at)
	}
	k.goOn(t, p)
}

// killStrides are after how many moments each part of a run is killed. With fewer
// than six, each would end before its first write.
var killStrides = []int{6, 7, 8, 9, 10, 11, 13, 17, 23, 31, 43, 61, 89, 113}

// killedAgain kills each continuation too, after so many moments each time, until
// it ends.
func killedAgain(t *testing.T, k *killing, n int) {
	every := killStrides[n]
	if !*killsAll {
		every = 23 + int(*killsSeed%7)
	}
	p := k.prepare(t)
	died := 0
	for ; k.dies(t, p, every); died++ {
		if died > len(k.hits) {
			t.Fatal("it does not come to its end")
		}
	}
	t.Logf("killed %d times, after %d moments each", died, every)
	if died == 0 {
		t.Error("it was never killed")
	}
	k.compare(t, p)
}

// killedTwice kills it at a random moment, and its continuation too.
func killedTwice(t *testing.T, k *killing, n int) {
	r := rand.New(rand.NewPCG(*killsSeed, uint64(n)))
	first, second := 1+r.IntN(len(k.hits)), 1+r.IntN(40)
	t.Logf("killed at %d, and then at %d", first, second)
	p := k.prepare(t)
	if !k.dies(t, p, first) {
		t.Fatal("it did not come that far")
	}
	k.dies(t, p, second)
	k.goOn(t, p)
}

// killedFromOutside kills the program as it is released at a random microsecond,
// and up to two of its continuations.
func killedFromOutside(t *testing.T, k *killing, n int) {
	r := rand.New(rand.NewPCG(*killsSeed, uint64(n)+1000))
	p := k.prepare(t)
	p.program = program(t, false)
	for range 3 {
		args, more := k.next(t, p)
		if !more {
			break
		}
		after := time.Duration(r.Int64N(int64(k.took))) // while it reads, writes, and reads again
		t.Logf("killed after %s", after)
		c, out := p.command(t, 0, "", args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		e := how(t, c, c.Wait(), out)
		timer.Stop()
		if !e.killed {
			break
		}
		k.died(t, p)
	}
	k.goOn(t, p)
}

// arrivals are when a request arrives that was on its way when its sender died.
var arrivals = []string{"before it is sent again", "after it was sent again", "after the run", "after the run was taken back"}

// killedWhileSending kills it while a request is on its way to Stripe, which
// arrives long after.
func killedWhileSending(t *testing.T, k *killing, n int) {
	arrivals, first, posts := arrivals, 1, len(k.want.Wrote)
	if k.undo { // what the repair sent was before
		arrivals, first, posts = arrivals[:3], posts/2+1, posts/2
	}
	if !*killsAll {
		n += int(*killsSeed) % (posts * len(arrivals))
	}
	nth, arrives := first+n/len(arrivals)%posts, arrivals[n%len(arrivals)]
	t.Logf("request %d arrives %s", nth, arrives)

	p := k.prepare(t)
	args, _ := k.next(t, p)
	c, out := p.command(t, 0, "", args...)
	var (
		mu   sync.Mutex
		key  string
		late func()
	)
	arrive := func() {
		mu.Lock()
		defer mu.Unlock()
		if late == nil {
			t.Error("it was not sent again")
			return
		}
		late()
		late = nil
	}
	p.stripe.meet(func(r sent) {
		mu.Lock()
		again := key != "" && r.key == key
		if r.number == nth {
			key, late = r.key, r.execute
			_ = c.Process.Kill()
			mu.Unlock()
			return
		}
		mu.Unlock()
		if again && arrives == arrivals[0] {
			arrive()
		}
		r.answer()
		if again && arrives == arrivals[1] {
			arrive()
		}
	})
	mu.Lock() // c.Process is set before a request is met
	err := c.Start()
	mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if e := how(t, c, c.Wait(), out); !e.killed {
		t.Fatalf("it was not killed: exit code %d\n%s", e.code, e.out)
	}
	k.died(t, p)
	switch arrives {
	case arrivals[0], arrivals[1]:
		k.goOn(t, p)
		if late != nil {
			t.Error("it was not sent again")
		}
	case arrivals[2]:
		k.dies(t, p, 0)
		arrive()
		k.compare(t, p)
	default:
		k.goOn(t, p)
		run, _ := k.mine(t, p)
		if e := p.run(t, 0, "undo", run.ID, "--yes"); e.code != cli.ExitOK {
			t.Errorf("undo: exit code %d\n%s", e.code, e.out)
		}
		arrive()
		now := p.look(t)
		if diff := cmp.Diff(k.takenBack(now), now.world()); diff != "" {
			t.Errorf("it undid the undo (-before +after):\n%s", diff)
		}
	}
}

// killedAndTakenBack kills a repair, and takes it back instead of going on.
func killedAndTakenBack(t *testing.T, k *killing, n int) {
	if k.undo {
		t.Skip("an undo is not taken back")
	}
	every := len(k.hits) / k.many
	at := 1 + n*every + int(*killsSeed)%every
	t.Logf("killed at %d", at)
	p := k.prepare(t)
	if !k.dies(t, p, at) {
		t.Fatal("it did not come that far")
	}
	if run, begun := k.mine(t, p); begun {
		if e := p.run(t, 0, "undo", run.ID, "--yes"); e.code != cli.ExitOK {
			t.Errorf("undo: exit code %d\n%s", e.code, e.out)
		}
	}
	k.whole(t, p)
	now := p.look(t)
	if diff := cmp.Diff(k.takenBack(now), now.world()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// TestReleaseHasNoMoments: what is released has nothing in it that could kill it.
func TestReleaseHasNoMoments(t *testing.T) {
	t.Parallel()
	for killable, path := range map[bool]string{false: program(t, false), true: program(t, true)} {
		raw := must(os.ReadFile(path))(t)
		symbols := must(exec.Command("go", "tool", "nm", path).Output())(t)
		for _, trace := range []string{"RIGHTFUL_FAILPOINT", "internal/failpoint", "journal/committed", "stripe/received", "database/committed", "cache/deleted"} {
			if bytes.Contains(raw, []byte(trace)) != killable {
				t.Errorf("killable %v, and it holds %q: %v", killable, trace, !killable)
			}
		}
		if bytes.Contains(symbols, []byte("failpoint")) != killable {
			t.Errorf("killable %v, and it has a symbol of package failpoint: %v", killable, !killable)
		}
	}
}
