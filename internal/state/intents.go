package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"rightful"
)

var _ rightful.IntentStore = (*Store)(nil)

// longestID bounds every part of an intent's key, so that all of them together
// fit into an index of either engine.
const longestID = 400

// querier is a transaction, or the database outside one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// PromiseCustomer implements rightful.IntentStore. What was promised before is
// found without a transaction: that is the case of every purchase but the first.
func (s *Store) PromiseCustomer(ctx context.Context, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	in, err := cleanCustomer(in)
	if err != nil {
		return rightful.CustomerIntent{}, err
	}
	kept, err := s.customer(ctx, s.db, in)
	if !errors.Is(err, sql.ErrNoRows) {
		return kept, s.explain(ctx, err)
	}
	return s.setCustomer(ctx, in, `INSERT INTO rightful_customer_intents (account, livemode, company_id, generation, name, email, at, customer_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, livemode, company_id) DO NOTHING`,
		in.Generation, in.Name, in.Email, in.At, in.CustomerID)
}

// KeepCustomer implements rightful.IntentStore.
func (s *Store) KeepCustomer(ctx context.Context, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	in, err := cleanCustomer(in)
	if err == nil && in.CustomerID == "" {
		err = invalid("no customer is named that could be kept", "")
	}
	if err != nil {
		return rightful.CustomerIntent{}, err
	}
	return s.setCustomer(ctx, in, `UPDATE rightful_customer_intents SET customer_id = $5
		WHERE account = $1 AND livemode = $2 AND company_id = $3 AND generation = $4 AND customer_id = ''`, in.Generation, in.CustomerID)
}

// RenewCustomer implements rightful.IntentStore.
func (s *Store) RenewCustomer(ctx context.Context, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	in, err := cleanCustomer(in)
	if err != nil {
		return rightful.CustomerIntent{}, err
	}
	return s.setCustomer(ctx, in, `UPDATE rightful_customer_intents SET generation = $5, name = $6, email = $7, at = $8, customer_id = $9
		WHERE account = $1 AND livemode = $2 AND company_id = $3 AND generation = $4`,
		in.Generation-1, in.Generation, in.Name, in.Email, in.At, in.CustomerID)
}

// setCustomer runs a statement, whose first parameters are the intent's key, and
// returns what is kept then.
func (s *Store) setCustomer(ctx context.Context, in rightful.CustomerIntent, statement string, args ...any) (kept rightful.CustomerIntent, err error) {
	args = append([]any{in.Account, in.Livemode, in.CompanyID}, args...)
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := s.exec(ctx, tx, statement, args...); err != nil {
			return err
		}
		var err error
		if kept, err = s.customer(ctx, tx, in); errors.Is(err, sql.ErrNoRows) {
			return notPromised("customer", in.CompanyID)
		}
		return err
	})
	return kept, err
}

// customer reads what is kept for the key of an intent. With sql.ErrNoRows that is
// nothing.
func (s *Store) customer(ctx context.Context, q querier, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	kept := rightful.CustomerIntent{Account: in.Account, Livemode: in.Livemode, CompanyID: in.CompanyID}
	err := q.QueryRowContext(ctx, s.d.query(`SELECT generation, name, email, at, customer_id FROM rightful_customer_intents
		WHERE account = $1 AND livemode = $2 AND company_id = $3`), in.Account, in.Livemode, in.CompanyID).
		Scan(&kept.Generation, &kept.Name, &kept.Email, &kept.At, &kept.CustomerID)
	if err != nil {
		return rightful.CustomerIntent{}, err
	}
	return kept, nil
}

func cleanCustomer(in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	in.CompanyID = rightful.CanonicalID(in.CompanyID)
	in.Name, in.Email = storable(in.Name), storable(in.Email)
	return in, cmp.Or(checkIDs(in.CompanyID), checkText(in.Account, in.CustomerID))
}

// PromiseCheckout implements rightful.IntentStore.
func (s *Store) PromiseCheckout(ctx context.Context, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	in, err := cleanCheckout(in)
	if err != nil {
		return rightful.CheckoutIntent{}, err
	}
	kept, err := s.checkout(ctx, s.db, in)
	if !errors.Is(err, sql.ErrNoRows) {
		return kept, s.explain(ctx, err)
	}
	return s.setCheckout(ctx, in, `INSERT INTO rightful_checkout_intents (account, livemode, company_id, user_id, wish, generation, at, session_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, livemode, company_id, user_id, wish) DO NOTHING`,
		in.Generation, in.At, in.SessionID)
}

// KeepCheckout implements rightful.IntentStore.
func (s *Store) KeepCheckout(ctx context.Context, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	in, err := cleanCheckout(in)
	if err == nil && in.SessionID == "" {
		err = invalid("no checkout session is named that could be kept", "")
	}
	if err != nil {
		return rightful.CheckoutIntent{}, err
	}
	return s.setCheckout(ctx, in, `UPDATE rightful_checkout_intents SET session_id = $7
		WHERE account = $1 AND livemode = $2 AND company_id = $3 AND user_id = $4 AND wish = $5 AND generation = $6 AND session_id = ''`,
		in.Generation, in.SessionID)
}

// RenewCheckout implements rightful.IntentStore.
func (s *Store) RenewCheckout(ctx context.Context, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	in, err := cleanCheckout(in)
	if err != nil {
		return rightful.CheckoutIntent{}, err
	}
	return s.setCheckout(ctx, in, `UPDATE rightful_checkout_intents SET generation = $7, at = $8, session_id = $9
		WHERE account = $1 AND livemode = $2 AND company_id = $3 AND user_id = $4 AND wish = $5 AND generation = $6`,
		in.Generation-1, in.Generation, in.At, in.SessionID)
}

// setCheckout is setCustomer for sessions.
func (s *Store) setCheckout(ctx context.Context, in rightful.CheckoutIntent, statement string, args ...any) (kept rightful.CheckoutIntent, err error) {
	args = append([]any{in.Account, in.Livemode, in.CompanyID, in.UserID, in.Wish}, args...)
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := s.exec(ctx, tx, statement, args...); err != nil {
			return err
		}
		var err error
		if kept, err = s.checkout(ctx, tx, in); errors.Is(err, sql.ErrNoRows) {
			return notPromised("checkout session", in.CompanyID)
		}
		return err
	})
	return kept, err
}

// checkout is customer for sessions.
func (s *Store) checkout(ctx context.Context, q querier, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	kept := rightful.CheckoutIntent{Account: in.Account, Livemode: in.Livemode, CompanyID: in.CompanyID, UserID: in.UserID, Wish: in.Wish}
	err := q.QueryRowContext(ctx, s.d.query(`SELECT generation, at, session_id FROM rightful_checkout_intents
		WHERE account = $1 AND livemode = $2 AND company_id = $3 AND user_id = $4 AND wish = $5`), in.Account, in.Livemode, in.CompanyID, in.UserID, in.Wish).
		Scan(&kept.Generation, &kept.At, &kept.SessionID)
	if err != nil {
		return rightful.CheckoutIntent{}, err
	}
	return kept, nil
}

func cleanCheckout(in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	in.CompanyID, in.UserID = rightful.CanonicalID(in.CompanyID), rightful.CanonicalID(in.UserID)
	return in, cmp.Or(checkIDs(in.CompanyID, in.UserID, in.Wish), checkText(in.Account, in.SessionID))
}

// storable is a text without what PostgreSQL cannot keep, so that both engines keep
// the same.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

// checkIDs refuses ids that are empty, which name nothing, and what checkText does.
func checkIDs(ids ...string) error {
	for _, id := range ids {
		if id == "" {
			return invalid("an intent without a company, user or wish cannot be kept", "")
		}
	}
	return checkText(ids...)
}

// checkText refuses ids that could not be told apart once they are kept.
func checkText(ids ...string) error {
	for _, id := range ids {
		if len(id) > longestID || !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
			return invalid(fmt.Sprintf("%.40q cannot be an id: it is longer than %d bytes, or no text", id, longestID), "")
		}
	}
	return nil
}

func notPromised(what, company string) error {
	return &rightful.Error{Kind: rightful.KindNotFound, Place: "state", Message: fmt.Sprintf("no %s was promised for company %q", what, company)}
}
