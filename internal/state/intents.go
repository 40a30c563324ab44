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

var (
	_ rightful.IntentStore   = (*Store)(nil)
	_ rightful.IntentRecords = (*Store)(nil)
)

// longestID bounds every part of an intent's key, so that all of them together
// fit into an index of either engine.
const longestID = 400

// querier is a transaction, or the database outside one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// ofKey is the condition for the key of an intent, which keyOf has the parameters of.
const ofKey = "kind = $1 AND account = $2 AND livemode = $3 AND company_id = $4 AND user_id = $5 AND wish = $6"

func keyOf(in rightful.Intent) []any {
	return []any{string(in.Kind), in.Account, in.Livemode, in.CompanyID, in.UserID, in.Wish}
}

// Kept implements rightful.IntentStore.
func (s *Store) Kept(ctx context.Context, in rightful.Intent) (rightful.Intent, bool, error) {
	in, err := cleanIntent(in)
	if err != nil {
		return rightful.Intent{}, false, err
	}
	kept, err := s.intent(ctx, s.db.Read, in)
	if errors.Is(err, sql.ErrNoRows) {
		return rightful.Intent{}, false, nil
	}
	return kept, err == nil, s.explain(ctx, err)
}

// Promise implements rightful.IntentStore. What was promised before is found without
// a transaction: that is the case of every purchase but the first.
func (s *Store) Promise(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	in, err := cleanIntent(in)
	if err != nil {
		return rightful.Intent{}, err
	}
	kept, err := s.intent(ctx, s.db.Read, in)
	if !errors.Is(err, sql.ErrNoRows) {
		return kept, s.explain(ctx, err)
	}
	kept, err = s.setIntent(ctx, in, `INSERT INTO rightful_intents (kind, account, livemode, company_id, user_id, wish, generation, name, email, at, sent_at, object_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (kind, account, livemode, company_id, user_id, wish) DO NOTHING`,
		in.Generation, in.Name, in.Email, in.At, in.SentAt, in.ObjectID)
	if err == nil {
		s.forget(ctx)
	}
	return kept, err
}

// Send implements rightful.IntentStore.
func (s *Store) Send(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	in, err := cleanIntent(in)
	if err == nil && in.SentAt <= 0 {
		err = invalid("no time is named at which a request is about to be sent", "")
	}
	if err != nil {
		return rightful.Intent{}, err
	}
	return s.setIntent(ctx, in, `UPDATE rightful_intents
		SET at = CASE WHEN sent_at = 0 THEN $8 ELSE at END, sent_at = CASE WHEN sent_at > $8 THEN sent_at ELSE $8 END
		WHERE `+ofKey+` AND generation = $7 AND object_id = ''`, in.Generation, in.SentAt)
}

// Keep implements rightful.IntentStore.
func (s *Store) Keep(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	in, err := cleanIntent(in)
	if err == nil && in.ObjectID == "" {
		err = invalid("no "+string(in.Kind)+" is named that could be kept", "")
	}
	if err != nil {
		return rightful.Intent{}, err
	}
	return s.setIntent(ctx, in, `UPDATE rightful_intents SET object_id = $8 WHERE `+ofKey+` AND generation = $7 AND object_id = ''`, in.Generation, in.ObjectID)
}

// Renew implements rightful.IntentStore.
func (s *Store) Renew(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	in, err := cleanIntent(in)
	if err != nil {
		return rightful.Intent{}, err
	}
	return s.setIntent(ctx, in, `UPDATE rightful_intents SET generation = $8, name = $9, email = $10, at = $11, sent_at = $12, object_id = $13
		WHERE `+ofKey+` AND generation = $7`, in.Generation-1, in.Generation, in.Name, in.Email, in.At, in.SentAt, in.ObjectID)
}

// setIntent runs a statement, whose first parameters are the intent's key, and returns
// what is kept then.
func (s *Store) setIntent(ctx context.Context, in rightful.Intent, statement string, args ...any) (kept rightful.Intent, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := s.exec(ctx, tx, statement, append(keyOf(in), args...)...); err != nil {
			return err
		}
		var err error
		if kept, err = s.intent(ctx, tx, in); errors.Is(err, sql.ErrNoRows) {
			return &rightful.Error{Kind: rightful.KindNotFound, Place: "state", Message: fmt.Sprintf("no %s was promised for company %q", in.Kind, in.CompanyID)}
		}
		return err
	})
	return kept, err
}

// intent reads what is kept for the key of an intent. With sql.ErrNoRows that is
// nothing.
func (s *Store) intent(ctx context.Context, q querier, in rightful.Intent) (rightful.Intent, error) {
	kept := rightful.Intent{Kind: in.Kind, Account: in.Account, Livemode: in.Livemode, CompanyID: in.CompanyID, UserID: in.UserID, Wish: in.Wish}
	err := q.QueryRowContext(ctx, s.d.query(`SELECT generation, name, email, at, sent_at, object_id FROM rightful_intents WHERE `+ofKey), keyOf(in)...).
		Scan(&kept.Generation, &kept.Name, &kept.Email, &kept.At, &kept.SentAt, &kept.ObjectID)
	if err != nil {
		return rightful.Intent{}, err
	}
	return kept, nil
}

func cleanIntent(in rightful.Intent) (rightful.Intent, error) {
	in.CompanyID, in.UserID = rightful.CanonicalID(in.CompanyID), rightful.CanonicalID(in.UserID)
	in.Name, in.Email = storable(in.Name), storable(in.Email)
	ids := []string{in.CompanyID}
	switch in.Kind {
	case rightful.IntentCustomer:
		if in.UserID+in.Wish != "" {
			return in, invalid("a company's customer is nobody's wish", "")
		}
	case rightful.IntentCheckout:
		ids = append(ids, in.UserID, in.Wish)
	default:
		return in, invalid(fmt.Sprintf("%.40q is no kind of intent", string(in.Kind)), "")
	}
	return in, cmp.Or(checkIDs(ids...), checkText(in.Account, in.ObjectID))
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
