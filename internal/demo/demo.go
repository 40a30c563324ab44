// Package demo is the founding incident on real parts, all on this machine: an
// app database in SQLite, a Stripe (stripesim) over loopback HTTP, a
// Redis-compatible cache, and a small deployed app that answers for users. It
// needs no network, no account and no installation.
package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"

	"rightful"
	"rightful/stripesim"
)

// Cause is one way in which the incident can come about. Causes combine.
type Cause string

// The causes, one for each explanation.
const (
	CauseMetadata Cause = "metadata" // Stripe's stamps name a company that does not exist
	CauseDatabase Cause = "database" // the user's row points at another company
	CauseCache    Cause = "cache"    // the cache remembers an old company
	CauseDeploy   Cause = "deploy"   // the running app is an old revision
)

// Causes returns every cause.
func Causes() []Cause { return []Cause{CauseMetadata, CauseDatabase, CauseCache, CauseDeploy} }

// Founding returns the causes of the founding incident itself.
func Founding() []Cause { return []Cause{CauseMetadata, CauseCache} }

// ParseCauses checks cause names.
func ParseCauses(names []string) ([]Cause, error) {
	var out []Cause
	for _, n := range names {
		c := Cause(n)
		if !slices.Contains(Causes(), c) {
			return nil, &rightful.Error{
				Kind: rightful.KindInvalid, Place: "--cause", Message: fmt.Sprintf("%q is no cause", n),
				Hint: "write metadata, database, cache or deploy; repeat the flag to combine them",
			}
		}
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// Who is the user of the incident.
const Who = "bela@example.com"

// Demo is a running demo.
type Demo struct {
	ConfigPath string // a rightful.yaml on which every command works
	close      []func() error
}

//go:embed founding-incident.json
var foundingIncident []byte

// Start plants the causes and starts all parts, with their files in dir. Close
// stops them; the files stay.
func Start(ctx context.Context, dir string, causes []Cause) (*Demo, error) {
	d := &Demo{ConfigPath: filepath.Join(dir, "rightful.yaml")}
	if err := d.start(ctx, dir, plant(causes)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Owns reports whether an earlier demo wrote the directory, so that nothing is
// lost when this one does.
func Owns(dir string) bool {
	raw, err := os.ReadFile(filepath.Join(dir, "rightful.yaml"))
	return err == nil && strings.HasPrefix(string(raw), header)
}

// header is the first line of the config that a demo writes.
const header = "# Written by rightful demo."

// Close stops all parts.
func (d *Demo) Close() error {
	var errs []error
	for _, c := range slices.Backward(d.close) {
		errs = append(errs, c())
	}
	d.close = nil
	return errors.Join(errs...)
}

func (d *Demo) start(ctx context.Context, dir string, p planted) error {
	database := filepath.Join(dir, "app.db")
	db, err := createDatabase(ctx, database, p.database)
	if err != nil {
		return fmt.Errorf("creating the demo's database %s: %w", database, err)
	}
	d.close = append(d.close, db.Close)

	sim := stripesim.New(stripesim.Options{})
	stripe, err := json.Marshal(map[string]any{"stripe": p.stripe})
	if err != nil {
		return err
	}
	if err := sim.LoadWorld(strings.NewReader(string(stripe))); err != nil {
		return err
	}
	stripeAddr, err := d.listen(sim)
	if err != nil {
		return err
	}
	appAddr, err := d.listen(&app{db: db, old: p.oldDeploy})
	if err != nil {
		return err
	}
	cache := miniredis.NewMiniRedis()
	if err := cache.Start(); err != nil {
		return fmt.Errorf("starting the demo's cache: %w", err)
	}
	d.close = append(d.close, func() error { cache.Close(); return nil })
	for k, v := range p.cache {
		if err := cache.Set(k, v); err != nil {
			return err
		}
	}
	return os.WriteFile(d.ConfigPath, []byte(configFor(database, stripeAddr, cache.Addr(), appAddr)), 0o644)
}

// listen serves the handler on a free loopback port.
func (d *Demo) listen(h http.Handler) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening on loopback: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with ErrServerClosed
	d.close = append(d.close, server.Close)
	return l.Addr().String(), nil
}

func configFor(database, stripe, cache, app string) string {
	return fmt.Sprintf(header+` Everything here is on this machine; the key opens a
# simulator and is no secret.
company: {metadata_key: company_id, user_key: user_id}
directory:
  dsn: 'sqlite:%s'
  companies:     SELECT id, name, owner_id AS owner_user_id, stripe_customer_id, deleted_at FROM company
  users:         SELECT id, email, email_verified, is_active, company_id FROM account_user
  memberships:   SELECT user_id, company_id, role, joined_at, left_at FROM membership
  subscriptions: SELECT id, company_id, stripe_customer_id, stripe_subscription_id, status FROM billing_subscription
  resolve: direct
  write:
    company_customer:      UPDATE company SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS :old
    subscription_company:  UPDATE billing_subscription SET company_id = :new WHERE id = :id AND company_id IS :old
    subscription_customer: UPDATE billing_subscription SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS :old
    subscription_status:   UPDATE billing_subscription SET status = :new WHERE id = :id AND status IS :old
    subscription_insert:   INSERT INTO billing_subscription (company_id, stripe_customer_id, stripe_subscription_id, status) VALUES (:company_id, :stripe_customer_id, :stripe_subscription_id, :status)
    subscription_delete:   DELETE FROM billing_subscription WHERE stripe_subscription_id = :stripe_subscription_id AND company_id = :company_id AND stripe_customer_id = :stripe_customer_id AND status = :status
stripe: {key: sk_live_demo, account: acct_1RfounderAcct0, livemode: true, api_base: 'http://%s'}
cache:
  url: redis://%s
  keys: [{pattern: ':1:user_company_{user_id}', holds: company_id}]
resolver_probe:
  url: 'http://%s/users/{user_id}/company'
  json: company.id
  revision_url: 'http://%s/revision'
  expect_revision: %s
`, strings.ReplaceAll(database, "'", "''"), stripe, cache, app, app, newRevision)
}
