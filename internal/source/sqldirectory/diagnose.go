package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"rightful"
)

var _ rightful.Diagnoser = (*Directory)(nil)

// diagnosisTimeout bounds each read of an examination.
const diagnosisTimeout = 5 * time.Second

// largestSkew is how far the database's clock may be from ours: times of both
// are compared, with more tolerance than this.
const largestSkew = 5 * time.Second

// Diagnose implements rightful.Diagnoser: is the database there, can it really
// not be written to, how far is its clock, what does each mapped query state,
// is there an index for each lookup of an investigation, and does the resolver
// answer. It executes the mapped queries for no more rows than it takes to tell a
// size, and the resolver for a few users.
func (d *Directory) Diagnose(ctx context.Context) []rightful.Diagnosis {
	brief := *d
	brief.timeout = min(d.timeout, diagnosisTimeout)
	d = &brief
	first, reachable := d.diagnoseServer(ctx)
	if !reachable {
		return first
	}
	all := append(first, d.diagnoseWrites(ctx), d.diagnoseClock(ctx))
	for _, n := range d.nouns() {
		all = append(all, d.diagnoseNoun(ctx, n)...)
	}
	all = append(all, d.diagnoseFacts()...)
	all = append(all, d.diagnoseResolver(ctx)...)
	kept := all[:0]
	for _, one := range all {
		if one != (rightful.Diagnosis{}) {
			kept = append(kept, one)
		}
	}
	return kept
}

// failed is the diagnosis of a read that did not work.
func failed(place, what string, err error) rightful.Diagnosis {
	says, todo := err.Error(), ""
	var known *rightful.Error
	if errors.As(err, &known) {
		says, todo = known.Message, known.Hint
	}
	if what != "" {
		says = what + ": " + says
	}
	if todo == "" {
		todo = "run it again; if it stays, look at the database's log"
	}
	return rightful.Fail(place, says, todo)
}

func (d *Directory) diagnoseServer(ctx context.Context) ([]rightful.Diagnosis, bool) {
	var version string
	err := d.read(ctx, statement{place: placeDSN}, func(ctx context.Context, conn *sql.Conn) (err error) {
		version, err = d.dialect.version(ctx, conn)
		return err
	})
	if err != nil {
		return []rightful.Diagnosis{failed(placeDSN, "", err)}, false
	}
	return []rightful.Diagnosis{rightful.OK(placeDSN, version+" answers ("+d.dialect.target()+")")}, true
}

func (d *Directory) diagnoseWrites(ctx context.Context) rightful.Diagnosis {
	var how string
	var readOnly bool
	err := d.read(ctx, statement{place: placeDSN}, func(ctx context.Context, conn *sql.Conn) (err error) {
		how, readOnly, err = d.dialect.cannotWrite(ctx, conn)
		return err
	})
	switch {
	case err != nil:
		return failed(placeDSN, "whether reads can write could not be found out", err)
	case !readOnly:
		return rightful.Fail(placeDSN, "a read could write: "+how, "read through a user that has SELECT and nothing else, and tell us")
	}
	return rightful.OK(placeDSN, "reads cannot write: "+how)
}

func (d *Directory) diagnoseClock(ctx context.Context) rightful.Diagnosis {
	ask := d.dialect.clock()
	if ask == "" {
		return rightful.Diagnosis{} // a file has the clock of our own machine
	}
	var seconds float64
	var before, after time.Time
	err := d.read(ctx, statement{place: placeDSN}, func(ctx context.Context, conn *sql.Conn) error {
		before = d.now()
		err := conn.QueryRowContext(ctx, ask).Scan(&seconds)
		after = d.now()
		return err
	})
	if err != nil {
		return failed(placeDSN, "the database's clock could not be read", err)
	}
	ours := before.Add(after.Sub(before) / 2)
	whole, fraction := math.Modf(seconds)
	ahead := time.Unix(int64(whole), int64(fraction*1e9)).Sub(ours).Round(time.Second)
	if ahead.Abs() <= largestSkew {
		return rightful.OK(placeDSN, "its clock agrees with ours")
	}
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	return rightful.Warn(placeDSN, fmt.Sprintf("its clock is %s %s ours", ahead.Abs(), direction),
		"set both by NTP: who was a member when is compared with Stripe's times")
}
