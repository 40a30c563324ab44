// Command shop sells a plan to companies, and shows how an app embeds rightful: who
// signs up has a company, invites colleagues, works in one company at a time, buys for
// it, comes back from Stripe, and opens Stripe's portal.
//
// gateway.go has everything that touches rightful and Stripe, pages.go the rest of
// what the shop shows, store.go its tables, session.go who is signed in.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rightful/gateway/fromfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	for _, name := range []string{"SHOP_LISTEN", "SHOP_URL", "SHOP_DATABASE", "SHOP_SECRET", "SHOP_PRICE", "STRIPE_API_KEY"} {
		if os.Getenv(name) == "" {
			return fmt.Errorf("%s is not set; sim.env has values for the simulator", name)
		}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, err := openStore(ctx, os.Getenv("SHOP_DATABASE"))
	if err != nil {
		return err
	}
	defer store.Close()
	g, err := fromfile.Open(ctx, "rightful.yaml", fromfile.Options{Name: "shop", Logger: log, OnNotice: store.takeNotice})
	if err != nil {
		return err
	}
	events, err := g.Webhooks()
	if err != nil {
		return errors.Join(err, g.Close())
	}
	s := &shop{
		store: store, gateway: g, events: events, log: log,
		url: os.Getenv("SHOP_URL"), price: os.Getenv("SHOP_PRICE"), key: []byte(os.Getenv("SHOP_SECRET")),
	}
	return errors.Join(s.serve(ctx, os.Getenv("SHOP_LISTEN"), g), g.Close())
}

// serve answers requests, and lets rightful judge the events that come, until the
// context ends.
func (s *shop) serve(ctx context.Context, address string, g *fromfile.Gateway) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	working, done := context.WithCancel(context.WithoutCancel(ctx))
	worked := make(chan error, 1)
	go func() { worked <- g.Run(working) }()
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Println("the shop is open at", s.url)
	select {
	case err = <-ended:
	case err = <-worked:
		worked <- nil
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(last))
	done() // only now: requests under way may have brought events
	return errors.Join(err, <-worked)
}
