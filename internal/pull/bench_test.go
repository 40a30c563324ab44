package pull_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rightful/internal/pull"
	"rightful/internal/source/mirror"
	"rightful/internal/source/stripeapi"
	"rightful/stripesim"
)

// The benchmark reads an account whose simulator is another process, because what is
// measured is ours:
//
//	go test ./internal/pull -run - -bench Pull -benchtime 1x -pull.companies 100000
var (
	benchCompanies = flag.Int("pull.companies", 10_000, "companies of the account that the benchmark reads: a customer, a session and a subscription each")
	benchLatency   = flag.String("pull.latency", "80ms-250ms", "how long the simulated Stripe takes to answer")
)

// simulate has a child process of the test answer as a Stripe of so many companies.
const simulate = "RIGHTFUL_PULL_SIMULATE"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(simulate)); err == nil {
		serveSimulated(n, os.Getenv(simulate+"_LATENCY"))
		return
	}
	os.Exit(m.Run())
}

func serveSimulated(companies int, latency string) {
	took, err := stripesim.ParseLatency(latency)
	if err != nil {
		panic(err)
	}
	sim := stripesim.New(stripesim.Options{Limits: stripesim.StripeLimits(), Latency: took})
	var world bytes.Buffer
	if err := stripesim.Generate(&world, stripesim.GenerateOptions{Companies: companies, Livemode: true}); err != nil {
		panic(err)
	}
	if err := sim.LoadWorld(&world); err != nil {
		panic(err)
	}
	fmt.Println(httptest.NewServer(sim).URL)
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent is gone
}

// simulated starts a Stripe of so many companies, and returns its address.
func simulated(tb testing.TB, companies int, latency string) string {
	tb.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), simulate+"="+strconv.Itoa(companies), simulate+"_LATENCY="+latency)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func BenchmarkPull(b *testing.B) {
	address := simulated(b, *benchCompanies, *benchLatency)
	const rate = 25
	for b.Loop() {
		reader, err := stripeapi.New(stripeapi.Options{Key: liveKey, APIBase: address, Keys: identity, AccountRate: 100, EndpointRate: rate})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := reader.Account(b.Context()); err != nil {
			b.Fatal(err)
		}
		store := realStore(b)
		forgetPeak()
		start := time.Now()
		var read time.Duration
		late := 0 // answers of 429 after the first five seconds
		early := -1
		o := pull.Options{Stripe: reader.Bulk(), Store: store, Account: stripesim.DefaultAccount, Livemode: true, Keys: identity}
		o.Progress = func(pull.Progress) {
			if early < 0 && time.Since(start) > 5*time.Second {
				early = reader.Requests().Limited
			}
			read = time.Since(start)
		}
		r, err := pull.New(o).Run(b.Context(), pull.Wish{})
		if err != nil || len(r.IncompleteBecause) > 0 {
			b.Fatal(err, r.IncompleteBecause)
		}
		wall := time.Since(start)
		if early >= 0 {
			late = reader.Requests().Limited - early
		}
		pages, ideal, objects := 0, 0, int64(0)
		for _, l := range r.Lists {
			pages, ideal, objects = pages+l.Pages, ideal+l.Ideal, objects+l.Objects
		}
		if want := int64(3 * *benchCompanies); objects != want {
			b.Fatalf("%d objects, want %d", objects, want)
		}
		floor := float64((*benchCompanies+99)/100) / rate
		b.ReportMetric(float64(reader.Requests().GETs)/float64(ideal), "requests/ideal")
		b.ReportMetric(float64(pages)/(3*rate*read.Seconds()), "pace")
		b.ReportMetric(float64(reader.Requests().Limited), "429s")
		b.ReportMetric(float64(late), "429s-after-5s")
		b.ReportMetric(wall.Seconds()/floor, "wall/floor")
		b.ReportMetric(peak(), "peak-MiB")
	}
}

// forgetPeak and peak measure the most memory that the process held since, in MiB; 0 where
// that cannot be told.
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func peak() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if value, is := strings.CutPrefix(line, "VmHWM:"); is {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kb / 1024
		}
	}
	return 0
}

// realStore is a mirror in a SQLite file.
func realStore(tb testing.TB) *mirror.Account {
	tb.Helper()
	m, err := mirror.Open(tb.Context(), "sqlite:"+filepath.Join(tb.TempDir(), "mirror.db"), mirror.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	return m.Of(stripesim.DefaultAccount, true, identity)
}
