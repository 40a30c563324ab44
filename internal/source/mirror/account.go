package mirror

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"

	"rightful"
)

// Account is the mirror of one account in one mode. It implements
// rightful.MirrorStore.
type Account struct {
	m           *Mirror
	account     string
	livemode    bool
	keys        rightful.KeySet
	fingerprint string
}

var _ rightful.MirrorStore = (*Account)(nil)

// Account returns the account that is mirrored.
func (a *Account) Account(ctx context.Context) (rightful.Account, error) {
	if err := ctx.Err(); err != nil {
		return rightful.Account{}, err
	}
	return rightful.Account{ID: a.account, Livemode: a.livemode, LivemodeKnown: true}, nil
}

// Events is unsupported: a mirror keeps what events led to.
func (a *Account) Events(ctx context.Context, _ rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		err := ctx.Err()
		if err == nil {
			err = unsupported("a mirror keeps no events")
		}
		yield(rightful.Event{}, err)
	}
}

// Endpoints is unsupported.
func (a *Account) Endpoints(ctx context.Context) ([]rightful.WebhookEndpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, unsupported("a mirror does not know the account's webhook endpoints")
}

func unsupported(message string) error {
	return &rightful.Error{Kind: rightful.KindUnsupported, Place: "mirror", Message: message}
}

// known is what a mirror knows of an account before anything is read.
type known struct {
	number int64 // 0: nothing was ever kept
	pass   int64 // the newest
	keyset int64 // of the config's keys; 0: nothing was ever kept with these
}

// find looks the account up.
func (a *Account) find(ctx context.Context, in queryer) (k known, err error) {
	err = a.m.row(ctx, in, `SELECT number, pass, COALESCE((SELECT number FROM rightful_mirror.keyset WHERE keys = $3), 0)
		FROM rightful_mirror.account WHERE account = $1 AND livemode = $2`, a.account, a.mode(), a.fingerprint).Scan(&k.number, &k.pass, &k.keyset)
	if errors.Is(err, sql.ErrNoRows) {
		return known{}, nil
	}
	return k, err
}

// mode is the mode as it is stored.
func (a *Account) mode() int64 {
	if a.livemode {
		return 1
	}
	return 0
}

// enter looks the account up to be written, and notes it when it is new. Nobody
// else writes it until the end of the transaction.
func (a *Account) enter(ctx context.Context, tx transaction) (known, error) {
	k, err := a.find(ctx, tx)
	if err != nil {
		return known{}, err
	}
	if k.number == 0 || k.keyset == 0 {
		if _, err := a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.account (account, livemode) VALUES ($1, $2) ON CONFLICT DO NOTHING`, a.account, a.mode()); err != nil {
			return known{}, err
		}
		if _, err := a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.keyset (keys) VALUES ($1) ON CONFLICT DO NOTHING`, a.fingerprint); err != nil {
			return known{}, err
		}
		if k, err = a.find(ctx, tx); err != nil {
			return known{}, err
		}
	}
	if err := a.m.d.lockAccount(ctx, tx, k.number); err != nil {
		return known{}, err
	}
	// What was read before the lock may have changed meanwhile.
	now, err := a.find(ctx, tx)
	if err == nil && now.number != k.number {
		err = invalid("the mirror of "+a.account+" was dropped meanwhile", "run it again")
	}
	return now, err
}

// reader returns what makes objects of rows.
func (a *Account) reader(ctx context.Context, in queryer, k known) (*reader, error) {
	d := &reader{account: a.account, livemode: a.livemode, keys: a.keys, own: k.keyset, sets: map[int64]keyNames{}}
	err := a.m.each(ctx, in, func(rows *sql.Rows) error {
		var number int64
		var raw string
		if err := rows.Scan(&number, &raw); err != nil {
			return err
		}
		var names keyNames
		if err := json.Unmarshal([]byte(raw), &names); err != nil {
			return err
		}
		d.sets[number] = names
		return nil
	}, `SELECT number, keys FROM rightful_mirror.keyset`)
	return d, err
}
