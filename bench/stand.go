package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rightful/stripesim"
)

const (
	endpointRate = 25 // pages a second of one list: Stripe's limit
	accountRate  = 100
	hookSecret   = "whsec_bench"
)

// stand is an app, its Stripe and rightful.yaml, each in a process or file of its own.
type stand struct {
	folder     string
	url        string // of the simulated Stripe
	limited    bool
	database   string // of the app and the mirror; empty: SQLite files
	customers  []string
	subscribed []string // ids of subscriptions
	ends       []func()
}

// wish is what a stand is to be.
type wish struct {
	companies int
	planted   float64 // percent of them that have a fault
	latency   string  // empty: none
	limited   bool    // Stripe's rate limits
	database  string
}

func newStand(ctx context.Context, w wish) (*stand, error) {
	folder, err := os.MkdirTemp("", "rightful-bench-")
	if err != nil {
		return nil, err
	}
	s := &stand{folder: folder, limited: w.limited}
	s.ends = append(s.ends, func() { _ = os.RemoveAll(folder) })
	if err := s.build(ctx, w); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stand) build(ctx context.Context, w wish) error {
	world, err := os.Create(filepath.Join(s.folder, "world.json"))
	if err != nil {
		return err
	}
	if err := stripesim.Generate(world, stripesim.GenerateOptions{Companies: w.companies, Seed: 7, Planted: w.planted, Livemode: true}); err != nil {
		return err
	}
	if err := world.Close(); err != nil {
		return err
	}
	if w.database != "" {
		if s.database, err = s.ownDatabase(ctx, w.database); err != nil {
			return err
		}
	}
	if err := s.startStripe(w); err != nil {
		return err
	}
	if err := s.fill(ctx, world.Name()); err != nil {
		return err
	}
	return s.configure("rightful.yaml", s.database)
}

// configure writes a config over the app's database.
func (s *stand) configure(name, database string) error {
	dsn, mirror := "sqlite:"+filepath.Join(s.folder, "app.db"), "sqlite:"+filepath.Join(s.folder, "mirror.db")
	if database != "" {
		dsn, mirror = database, database
	}
	config, err := json.Marshal(map[string]any{
		"directory": map[string]any{
			"dsn":           dsn,
			"companies":     "SELECT id, name, owner_user_id, stripe_customer_id, deleted_at, merged_into FROM companies",
			"users":         "SELECT id, email, email_verified, is_active, company_id FROM users",
			"memberships":   "SELECT user_id, company_id, role, joined_at, left_at FROM memberships",
			"subscriptions": "SELECT id, company_id, stripe_customer_id, stripe_subscription_id, status FROM subscriptions",
		},
		"company": map[string]any{"metadata_key": "company_id", "user_key": "user_id"},
		"stripe": map[string]any{
			"key": "sk_live_bench", "api_base": s.url, "account": stripesim.DefaultAccount, "livemode": true,
			"rate": map[string]any{"account": accountRate, "endpoint": endpointRate}, "webhook_secrets": []string{hookSecret},
		},
		"mirror": mirror,
		"state":  "sqlite:" + filepath.Join(s.folder, "state.db"),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.folder, name), config, 0o600)
}

func (s *stand) close() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

// startStripe starts the simulated Stripe; it ends when its standard input does.
func (s *stand) startStripe(w wish) error {
	c, err := child(context.Background(), "stripe", filepath.Join(s.folder, "world.json"), w.latency, strconv.FormatBool(w.limited))
	if err != nil {
		return err
	}
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.ends = append(s.ends, func() { _ = in.Close(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	s.url = strings.TrimSpace(line)
	return err
}

// beStripe is the child process: it answers as the Stripe of a world until its standard
// input ends.
func beStripe(args []string) error {
	var o stripesim.Options
	if args[1] != "" {
		latency, err := stripesim.ParseLatency(args[1])
		if err != nil {
			return err
		}
		o.Latency = latency
	}
	if args[2] == "true" {
		o.Limits = stripesim.StripeLimits()
	}
	sim := stripesim.New(o)
	world, err := os.Open(args[0])
	if err != nil {
		return err
	}
	if err := sim.LoadWorld(world); err != nil {
		return err
	}
	_ = world.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, sim) }()
	fmt.Println("http://" + listener.Addr().String())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// child makes a process of this program that is something else.
func child(ctx context.Context, what string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), as+"="+what, "RIGHTFUL_TOKEN=bench-"+token)
	c.Stderr = os.Stderr
	return c, nil
}

// token is what requests to rightful serve are let in with.
var token = rand.Text()

// ran is what became of a process of rightful.
type ran struct {
	seconds float64
	peak    float64 // the most memory that it had, in MiB; 0 where that cannot be told
	code    int
	out     []byte
}

// rightful runs the program to its end, and decodes what it prints into result.
func (s *stand) rightful(ctx context.Context, result any, args ...string) (ran, error) {
	c, err := child(ctx, "rightful", args...)
	if err != nil {
		return ran{}, err
	}
	c.Dir = s.folder
	var out bytes.Buffer
	c.Stdout = &out
	began := time.Now()
	err = c.Run()
	r := ran{seconds: time.Since(began).Seconds(), out: out.Bytes()}
	if c.ProcessState == nil {
		return r, err
	}
	r.peak, r.code = peak(c.ProcessState), c.ProcessState.ExitCode()
	if err := json.Unmarshal(r.out, result); err != nil {
		return r, fmt.Errorf("rightful %s: exit code %d: %w: %.400s", strings.Join(args, " "), r.code, err, r.out)
	}
	return r, nil
}

// counters are how often the simulated Stripe was asked.
type counters struct {
	GETs       int            `json:"gets"`
	Limited    int            `json:"limited"`
	Operations map[string]int `json:"operations"`
}

// pages is how many pages of the three lists with objects in them were asked for.
func (c counters) pages() int {
	return c.Operations["customers.list"] + c.Operations["checkout_sessions.list"] + c.Operations["subscriptions.list"]
}

func (s *stand) counters(ctx context.Context) (c counters, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/_sim/counters", nil)
	if err != nil {
		return c, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return c, err
	}
	defer res.Body.Close()
	return c, json.NewDecoder(res.Body).Decode(&c)
}
