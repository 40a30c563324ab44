// Package wire turns a configuration, or a world file, into a ready engine. It
// is the only place that knows every source.
package wire

import (
	"context"
	"errors"
	"regexp"
	"time"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/judge"
	"rightful/internal/source/appprobe"
	"rightful/internal/source/rediscache"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/source/stripeapi"
	"rightful/internal/source/worldfile"
)

// World returns an engine over a world file and the world's own clock.
func World(path string) (*engine.Engine, *config.Config, error) {
	w, err := worldfile.Read(path)
	if err != nil {
		return nil, nil, err
	}
	c, err := config.ParseWorld(path, w.ConfigLine, w.Config)
	if err != nil {
		return nil, nil, err
	}
	e := newEngine(c, w.Now)
	e.Sources = collect.Sources{
		Directory: w.Directory(c.Directory.Resolver()),
		Stripe:    w.Stripe(c.Keys()),
		Cache:     w.Cache(),
		Probe:     w.Probe(),
	}
	e.Options.ProbeAll = true // recorded answers cost nobody anything
	if len(e.Options.CacheKeys) == 0 {
		e.Options.CacheKeys = collect.DefaultCacheKeys()
	}
	return e, c, nil
}

// Config returns an engine over the real systems that a config file names. The
// engine must be closed. Errors name the place in the file.
func Config(ctx context.Context, path string, env func(string) (string, bool), now time.Time) (*engine.Engine, *config.Config, error) {
	c, err := config.Read(path, env)
	if err != nil {
		return nil, nil, err
	}
	e := newEngine(c, now.Unix())
	stripe := c.Stripe[0]
	reader, err := stripeapi.New(stripeapi.Options{
		Key:          stripe.Key,
		APIBase:      stripe.APIBase,
		Keys:         c.Keys(),
		AccountRate:  stripe.Rate.Account,
		EndpointRate: stripe.Rate.Endpoint,
	})
	if err != nil {
		return nil, c, err
	}
	e.Sources.Stripe = reader
	e.GETs = func() int { return reader.Requests().GETs }
	if p := c.Probe; p.Configured() {
		probe, err := appprobe.New(appprobe.Options{
			URL: p.URL, Command: p.Command, JSONPath: p.JSON, Headers: p.Headers, NoneStatus: p.NoneStatus,
			RevisionURL: p.RevisionURL, RevisionCommand: p.RevisionCommand, RevisionJSON: p.RevisionJSON,
			Timeout: p.Within(), Concurrency: p.Concurrency,
		})
		if err != nil {
			return nil, c, err
		}
		e.Sources.Probe = probe
	}
	var closers []func() error
	e.Close = func() error {
		var errs []error
		for _, shut := range closers {
			errs = append(errs, shut())
		}
		return errors.Join(errs...)
	}
	if c.Cache.URL != "" {
		cache, err := rediscache.Open(rediscache.Options{URL: c.Cache.URL, CA: c.Cache.CA, Cluster: c.Cache.Cluster})
		if err != nil {
			return nil, c, err
		}
		closers = append(closers, cache.Close)
		e.Sources.Cache = cache
	}
	directory, err := sqldirectory.Open(ctx, c.Directory.DSN, sqldirectory.Mapping{
		Companies:     c.Directory.Companies,
		Users:         c.Directory.Users,
		Memberships:   c.Directory.Memberships,
		Subscriptions: c.Directory.Subscriptions,
		Links:         c.Directory.Links,
		Resolve:       c.Directory.Resolve,
	})
	if err != nil {
		return nil, c, errors.Join(err, e.Close())
	}
	closers = append(closers, directory.Close)
	e.Sources.Directory = directory
	return e, c, nil
}

// newEngine returns an engine with what both kinds of configuration share.
func newEngine(c *config.Config, now int64) *engine.Engine {
	e := &engine.Engine{
		Options: collect.Options{
			Now:              now,
			Keys:             c.Keys(),
			ExpectedRevision: c.Probe.ExpectRevision,
		},
		Rules: judge.Rules{
			Keys:           c.Keys(),
			OwnershipValue: c.Ownership.Value,
			Off:            map[rightful.Code]bool{},
			Severity:       map[rightful.Code]rightful.Severity{},
		},
		Close: func() error { return nil },
	}
	for _, k := range c.Cache.Keys {
		e.Options.CacheKeys = append(e.Options.CacheKeys, collect.CacheKey{
			Pattern: k.Pattern, Holds: rightful.Holds(k.Holds), Decode: k.Decode,
		})
	}
	for _, p := range c.Directory.PlaceholderCustomers {
		e.Rules.Placeholders = append(e.Rules.Placeholders, regexp.MustCompile(p)) // config validated it
	}
	for code, severity := range c.Codes {
		if severity == "off" {
			e.Rules.Off[rightful.Code(code)] = true
			continue
		}
		e.Rules.Severity[rightful.Code(code)] = rightful.Severity(severity)
	}
	if len(c.Stripe) > 0 {
		e.Expect = engine.Expect{Account: c.Stripe[0].Account, Livemode: c.Stripe[0].Livemode}
	}
	return e
}
