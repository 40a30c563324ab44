// Package wire turns a configuration, or a world file, into a ready engine. It
// is the only place that knows every source.
package wire

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"rightful"
	"rightful/internal/apply"
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
	return openWorld(path, w)
}

// Snapshot returns an engine over a world that is in no file yet; name is used in
// errors.
func Snapshot(name string, world []byte) (*engine.Engine, error) {
	w, err := worldfile.Parse(name, world)
	if err != nil {
		return nil, err
	}
	e, _, err := openWorld(name, w)
	return e, err
}

func openWorld(path string, w *worldfile.World) (*engine.Engine, *config.Config, error) {
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
		Record:    w.Record(),
	}
	writer := w.Writer()
	e.Writers, e.Save = &apply.Writers{Stripe: writer, Directory: writer, Cache: writer}, w.Save
	e.Examined = w.Examined
	e.Options.ProbeAll = true // recorded answers cost nobody anything
	if len(e.Options.CacheKeys) == 0 {
		e.Options.CacheKeys = collect.DefaultCacheKeys()
	}
	return e, c, nil
}

// Config returns an engine over the real systems that a config file names. It
// can read, and nothing else. The engine must be closed. Errors name the place in
// the file; the first one ends the opening. Of a config with several accounts it has to
// be said which.
func Config(ctx context.Context, path string, env func(string) (string, bool), now time.Time, of ...Account) (*engine.Engine, *config.Config, error) {
	c, err := read(path, env, of)
	if err != nil {
		return nil, nil, err
	}
	e, _, problems := open(ctx, c, now, sqldirectory.Open)
	if len(problems) > 0 {
		return nil, c, errors.Join(problems[0], e.Close())
	}
	return e, c, nil
}

// ConfigForWriting is Config for the commands that write. Nothing else has
// writers: what a reading command is given cannot write. The database gets one if
// the config maps any statement, with connections of its own.
func ConfigForWriting(ctx context.Context, path string, env func(string) (string, bool), now time.Time, of ...Account) (*engine.Engine, *config.Config, error) {
	c, err := read(path, env, of)
	if err != nil {
		return nil, nil, err
	}
	if c.Directory.Write.Configured() {
		// What cannot be recovered cannot be opened either, and that error has a
		// place in the config.
		_ = sqldirectory.Recover(ctx, c.Directory.DSN)
	}
	e, p, problems := open(ctx, c, now, sqldirectory.Open)
	if len(problems) > 0 {
		return nil, c, errors.Join(problems[0], e.Close())
	}
	e.Writers, e.CacheAgain = &apply.Writers{Stripe: p.stripe.Writer()}, cacheAgain
	if p.cache != nil {
		e.Writers.Cache = p.cache.Writer()
	}
	if c.Directory.Write.Configured() {
		writer, err := sqldirectory.OpenWriter(ctx, p.directory, c.Directory.DSN, writeMapping(c))
		if err != nil {
			return nil, c, errors.Join(err, e.Close())
		}
		p.closers = append(p.closers, writer.Close)
		e.Writers.Directory = writer
	}
	return e, c, nil
}

// Examine is Config for the doctor: sources that cannot be opened are left out
// of the engine, and come back as problems. A database with some queries that
// are wrong is opened all the same. Nothing must be judged by such an engine.
func Examine(ctx context.Context, path string, env func(string) (string, bool), now time.Time, of ...Account) (*engine.Engine, *config.Config, []error, error) {
	c, err := config.Read(path, env)
	if err != nil {
		return nil, nil, nil, err
	}
	every := c
	if len(of) > 0 && of[0].ID != "" { // else every account is examined
		if c, err = narrowed(c, of); err != nil {
			return nil, nil, nil, err
		}
		every = nil
	}
	e, p, problems := open(ctx, c, now, sqldirectory.Examine)
	if every != nil && every.Several() && len(p.others) == len(every.Stripe)-1 {
		for i, reader := range append([]*stripeapi.Reader{p.stripe}, p.others...) {
			e.Accounts = append(e.Accounts, engine.Examined{Place: fmt.Sprintf("stripe[%d]", i), Stripe: reader, Expect: expect(every.Stripe[i])})
		}
	}
	e.State = examiners{serveExaminer{c, env}, stateExaminer{c.StateAddress(), c.Alerts, time.Now}}
	e.Observing = c.UsesGateway() && c.Gateway.Observes()
	if p.directory != nil && c.Directory.Write.Configured() {
		writer, err := sqldirectory.ExamineWriter(ctx, p.directory, c.Directory.DSN, writeMapping(c))
		if err != nil {
			return e, c, append(problems, err), nil
		}
		p.closers = append(p.closers, writer.Close)
		e.Writing = writer
	}
	return e, c, problems, nil
}

// parts are the opened sources that an engine knows as ports only.
type parts struct {
	stripe    *stripeapi.Reader
	others    []*stripeapi.Reader // of the config's other accounts, in its order
	directory *sqldirectory.Directory
	record    *ownRecord
	cache     *rediscache.Reader
	closers   []func() error
}

func (p *parts) close() error {
	var errs []error
	for _, shut := range slices.Backward(p.closers) {
		errs = append(errs, shut())
	}
	return errors.Join(errs...)
}

// directoryOpener is how a database is opened: for a run, or to be examined.
type directoryOpener func(context.Context, string, sqldirectory.Mapping, ...sqldirectory.Option) (*sqldirectory.Directory, error)

// open opens every source of a config. The engine must be closed.
func open(ctx context.Context, c *config.Config, now time.Time, openDirectory directoryOpener) (*engine.Engine, *parts, []error) {
	e, p := newEngine(c, now.Unix()), &parts{}
	e.Close, e.Lacks = p.close, c.Directory.Write.Lacks
	p.record = &ownRecord{address: c.StateAddress()}
	e.Sources.Record = p.record.of(func(ctx context.Context) (rightful.Account, error) { return e.Sources.Stripe.Account(ctx) })
	p.closers = append(p.closers, p.record.close)
	// The database's clock is compared with the one that things are judged by,
	// which goes on while sources are opened and examined.
	began := time.Now()
	clock := func() time.Time { return now.Add(time.Since(began)) }
	openers := []func() error{
		func() error { return p.openAccounts(e, c) },
		func() error { return openProbe(e, c.Probe) },
		func() error {
			if c.Cache.URL == "" {
				return nil
			}
			cache, err := rediscache.Open(rediscache.Options{URL: c.Cache.URL, CA: c.Cache.CA, Cluster: c.Cache.Cluster})
			if err == nil {
				p.closers = append(p.closers, cache.Close)
				p.cache, e.Sources.Cache = cache, cache
			}
			return err
		},
		func() error {
			directory, err := openDirectory(ctx, c.Directory.DSN, mapping(c), sqldirectory.WithClock(clock))
			if err == nil {
				p.closers = append(p.closers, directory.Close)
				p.directory, e.Sources.Directory = directory, directory
			}
			return err
		},
	}
	var problems []error
	for _, opener := range openers {
		if err := opener(); err != nil {
			problems = append(problems, err)
		}
	}
	return e, p, problems
}

func mapping(c *config.Config) sqldirectory.Mapping {
	return sqldirectory.Mapping{
		Companies:     c.Directory.Companies,
		Users:         c.Directory.Users,
		Memberships:   c.Directory.Memberships,
		Subscriptions: c.Directory.Subscriptions,
		Links:         c.Directory.Links,
		Resolve:       c.Directory.Resolve,
	}
}

func writeMapping(c *config.Config) sqldirectory.WriteMapping {
	w := c.Directory.Write
	return sqldirectory.WriteMapping{
		CompanyCustomer:      w.CompanyCustomer,
		LinkCustomer:         w.LinkCustomer,
		LinkInsert:           w.LinkInsert,
		LinkDelete:           w.LinkDelete,
		SubscriptionCompany:  w.SubscriptionCompany,
		SubscriptionCustomer: w.SubscriptionCustomer,
		SubscriptionStatus:   w.SubscriptionStatus,
		SubscriptionInsert:   w.SubscriptionInsert,
		SubscriptionDelete:   w.SubscriptionDelete,
	}
}

func openStripe(e *engine.Engine, account config.Stripe, writes bool) (*stripeapi.Reader, error) {
	reader, err := newReader(e, account, writes)
	if err != nil {
		return nil, err
	}
	e.Sources.Stripe = reader
	e.GETs = func() int { return reader.Requests().GETs }
	return reader, nil
}

// newReader opens one account, at a pace of its own.
func newReader(e *engine.Engine, account config.Stripe, writes bool) (*stripeapi.Reader, error) {
	return stripeapi.New(stripeapi.Options{
		Key:          account.Key,
		APIBase:      account.APIBase,
		Keys:         e.Options.Keys,
		AccountRate:  account.Rate.Account,
		EndpointRate: account.Rate.Endpoint,
		Writes:       writes,
	})
}

func expect(of config.Stripe) engine.Expect {
	return engine.Expect{Account: of.Account, Livemode: of.Livemode}
}

func openProbe(e *engine.Engine, p config.Probe) error {
	if !p.Configured() {
		return nil
	}
	probe, err := appprobe.New(appprobe.Options{
		URL: p.URL, Command: p.Command, JSONPath: p.JSON, Headers: p.Headers, NoneStatus: p.NoneStatus,
		RevisionURL: p.RevisionURL, RevisionCommand: p.RevisionCommand, RevisionJSON: p.RevisionJSON,
		Timeout: p.Within(), Concurrency: p.Concurrency,
	})
	if err != nil {
		return err
	}
	e.Sources.Probe = probe
	return nil
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
		SecondApprover: c.Repair.SecondApprover,
		Renew:          c.Sync.FullAfter(),
		Close:          func() error { return nil },
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
		e.Expect = expect(c.Stripe[0])
		e.Options.Account, e.Options.Accounts = c.Stripe[0].Account, c.Stripe.IDs()[1:]
	}
	return e
}
