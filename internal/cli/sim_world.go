package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"rightful"
	"rightful/stripesim"
)

// options turns the flags into the simulator's options.
func (o *simOptions) options() (stripesim.Options, error) {
	opts := stripesim.Options{
		Seed: o.seed, StrictKeys: o.strictKeys, LockTimeout: o.lock, SearchLag: o.searchLag, Control: stripesim.Control(o.control),
		WebhooksInOrder: o.inOrder,
	}
	switch opts.Control {
	case stripesim.ControlLoopback, stripesim.ControlAnywhere, stripesim.ControlOff:
	default:
		return opts, badFlag("--control", fmt.Sprintf("%q is nobody", o.control), "write loopback, anywhere or off")
	}
	if o.publicURL != "" {
		u, err := url.Parse(o.publicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return opts, badFlag("--public-url", fmt.Sprintf("%q is no address of a server", o.publicURL), "write http://stripe.example.com:12111")
		}
		opts.PublicURL = o.publicURL
	}
	switch o.webhooks {
	case webhooksLoopback, webhooksManual:
		opts.WebhooksLoopback = true
	case webhooksAnywhere:
	default:
		return opts, badFlag("--webhooks", fmt.Sprintf("%q is no way to send them", o.webhooks), "write loopback, anywhere or manual")
	}
	if o.lock < 0 || o.searchLag < 0 {
		return opts, badFlag("--lock-timeout, --search-lag", "a duration cannot be negative", "write 30s")
	}
	if o.limits {
		opts.Limits = stripesim.StripeLimits()
	}
	if opts.Limits.Concurrency = o.inFlight; o.inFlight < 0 {
		return opts, badFlag("--concurrency", fmt.Sprintf("%d requests", o.inFlight), "write how many requests may be in flight, or 0 for no limit")
	}
	if o.now != "" {
		at, err := startOfClock(o.now)
		if err != nil {
			return opts, badFlag("--now", fmt.Sprintf("%q is no time", o.now), "write 2026-01-31T12:00:00Z or Unix seconds")
		}
		begin := time.Now()
		opts.Now = func() time.Time { return at.Add(time.Since(begin)) }
	}
	if o.latency != "" {
		latency, err := stripesim.ParseLatency(o.latency)
		if err != nil {
			return opts, badFlag("--latency", fmt.Sprintf("%q is no latency", o.latency), "write 80ms, 50ms-120ms (between) or 80ms,200ms (median and 95th percentile)")
		}
		opts.Latency = latency
	}
	return opts, nil
}

// startOfClock reads the time of --now. A world's events are only served for 30
// days, so that an old world needs its own time.
func startOfClock(s string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	return time.Parse(time.RFC3339, s)
}

func badFlag(place, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message, Hint: hint}
}

// fill gives the simulator the world that it starts with.
func (o *simOptions) fill(sim *stripesim.Server, s Streams) error {
	switch {
	case o.generate < 0:
		return badFlag("--generate", fmt.Sprintf("%d companies", o.generate), "write how many companies the world has, for example 1000")
	case o.generate == 0 && (o.worldOut != "" || o.planted != "0%"):
		return badFlag("--world-out, --planted", "there is no generated world", "add --generate 1000")
	case o.generate > 0 && len(o.worlds) > 0:
		return badFlag("--generate, --world", "there can be only one world", "leave one of them out")
	case o.generate > 0:
		return o.generated(sim, s)
	}
	for _, path := range o.worlds {
		if err := loadFile(sim, path, "check the path given with --world"); err != nil {
			return err
		}
	}
	return nil
}

func loadFile(sim *stripesim.Server, path, hint string) error {
	f, err := os.Open(path)
	if err != nil {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: path, Message: "the world file cannot be read", Hint: hint, Err: err}
	}
	err = sim.LoadWorld(f)
	_ = f.Close() // read only
	if err != nil {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: path, Message: err.Error(), Err: err}
	}
	return nil
}

// generated makes a world, writes it where it was asked for, and loads it.
func (o *simOptions) generated(sim *stripesim.Server, s Streams) error {
	share, err := strconv.ParseFloat(strings.TrimSuffix(o.planted, "%"), 64)
	opts := stripesim.GenerateOptions{Companies: o.generate, Seed: o.seed, Planted: share}
	planted, wrong := stripesim.PlantedFaults(opts)
	if err != nil || wrong != nil {
		return badFlag("--planted", fmt.Sprintf("%q is no share", o.planted), "write a percentage from 0% to 100%, for example 5%")
	}
	if o.worldOut == "" {
		from, to := io.Pipe()
		go func() { _ = to.CloseWithError(stripesim.Generate(to, opts)) }() // nil closes it
		if err := sim.LoadWorld(from); err != nil {
			return fmt.Errorf("loading the generated world: %w", err)
		}
	} else {
		if err := writeWorld(o.worldOut, opts); err != nil {
			return &rightful.Error{Kind: rightful.KindInvalid, Place: o.worldOut, Message: "the world cannot be written: " + err.Error(), Hint: "check the path given with --world-out", Err: err}
		}
		if err := loadFile(sim, o.worldOut, "check the path given with --world-out"); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.Out, "generated %d companies, %d of them with a planted fault\n", o.generate, len(planted))
	return nil
}

func writeWorld(path string, opts stripesim.GenerateOptions) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(stripesim.Generate(f, opts), f.Close())
}
