package skim_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/screen"
	"rightful/internal/skim"
	"rightful/internal/source/mirror"
	"rightful/internal/wire"
	"rightful/test/truth"
)

func TestMain(m *testing.M) {
	if what := os.Getenv("RIGHTFUL_SKIM"); what != "" { // this program again, for a benchmark
		if err := another(what, os.Getenv("RIGHTFUL_SKIM_FOLDER")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	truth.SameInCI()
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "60"); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// fill keeps everything that Stripe lists in the mirror.
func fill(ctx context.Context, t rapid.TB, stripe rightful.StripeReader, m *mirror.Account, of string) {
	t.Helper()
	for _, typ := range rightful.ListedTypes() {
		pass, err := m.Begin(ctx, typ, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		page := rightful.MirrorPage{Pass: pass.ID}
		for o, err := range stripe.List(ctx, rightful.ListQuery{Type: typ}) {
			if err != nil {
				t.Fatal(err)
			}
			o.Account = of // one file for many worlds
			page.Objects = append(page.Objects, rightful.MirrorObject{Object: o, AsOf: 1, Exists: rightful.ExistsPresent})
		}
		if err := m.Keep(ctx, []rightful.MirrorPage{page}); err != nil {
			t.Fatal(err)
		}
		if err := m.End(ctx, pass.ID, 2); err != nil {
			t.Fatal(err)
		}
	}
}

// padded puts so many other companies beside a world that it is screened.
func padded(w *truth.World) {
	m, keys := w.App.Mapping(), w.App.Keys()
	for n := range screen.Fewest + 1 {
		c := &rightful.Company{ID: fmt.Sprint(9_000_000 + n)}
		cus := &rightful.Object{
			Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: fmt.Sprintf("cus_beside%d", n), Created: 1_600_000_000,
			Metadata: map[string]string{keys.Company: c.ID},
		}
		if keys.Ownership != "" {
			cus.Metadata[keys.Ownership] = w.App.OwnershipValue()
		}
		switch {
		case m.LinkColumn:
			c.StripeCustomerID = cus.ID
		case m.LinkTable:
			w.Links = append(w.Links, &rightful.Link{CompanyID: c.ID, StripeCustomerID: cus.ID, Table: true})
		}
		w.Companies = append(w.Companies, c)
		w.Objects = append(w.Objects, cus)
	}
}

// TestTheMirrorSaysTheSame: an audit from the mirror reports what an audit of Stripe
// does, to the last byte, whatever the world.
func TestTheMirrorSaysTheSame(t *testing.T) {
	t.Parallel()
	for damages := range 4 {
		t.Run(fmt.Sprintf("%d damages", damages), func(t *testing.T) {
			t.Parallel()
			m, err := mirror.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "mirror.db"), mirror.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			var account atomic.Int64
			rapid.Check(t, func(rt *rapid.T) {
				grow := truth.Grow
				if rapid.Bool().Draw(rt, "usual") {
					grow = truth.GrowPlain
				}
				w := grow(rt)
				for range damages {
					w.StrikeAny(rt, truth.Mutations())
				}
				if rapid.IntRange(0, 4).Draw(rt, "few") > 0 {
					padded(w)
				}
				e, err := wire.Snapshot("world", w.JSON("mirrored"))
				if err != nil {
					rt.Fatal(err)
				}
				e.Options.ProbeAll = false
				own := fmt.Sprintf("acct_%d", account.Add(1))
				of := m.Of(own, true, w.App.Keys())
				fill(t.Context(), rt, e.Sources.Stripe, of, own)
				e.Mirrored = &engine.Mirrored{Of: func(rightful.Account) skim.Mirror { return of }}
				want, err := e.Audit(t.Context(), engine.AuditInput{})
				if err != nil {
					rt.Fatal(err)
				}
				got, err := e.Audit(t.Context(), engine.AuditInput{Mirror: &engine.FromMirror{MaxAge: 1 << 40}})
				if err != nil {
					rt.Fatal(err)
				}
				got.Mirror = nil
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Fatalf("(-Stripe +mirror):\n%s\n%s", diff, w.JSON("mirrored"))
				}
			})
		})
	}
}
