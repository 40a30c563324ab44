package state

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"rightful"
)

// atOnce bounds how many ids one statement asks about.
const atOnce = 500

// CheckoutsOf implements rightful.IntentRecords.
func (s *Store) CheckoutsOf(ctx context.Context, account string, livemode bool, sessionIDs []string) (map[string]rightful.Intent, error) {
	made := map[string]rightful.Intent{}
	err := s.promises(ctx, `SELECT object_id, company_id, user_id, wish, generation, at, sent_at FROM rightful_intents
		WHERE kind = 'checkout' AND account = $1 AND livemode = $2 AND object_id IN (%) ORDER BY at DESC`, account, livemode, sessionIDs,
		func(rows *sql.Rows) error {
			in := rightful.Intent{Kind: rightful.IntentCheckout, Account: account, Livemode: livemode}
			err := rows.Scan(&in.ObjectID, &in.CompanyID, &in.UserID, &in.Wish, &in.Generation, &in.At, &in.SentAt)
			made[in.ObjectID] = in // of several the first that was promised
			return err
		})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Promised implements rightful.IntentRecords.
func (s *Store) Promised(ctx context.Context, account string, livemode bool, companyIDs []string) ([]string, error) {
	var promised []string
	err := s.promises(ctx, `SELECT DISTINCT company_id FROM rightful_intents
		WHERE kind IN ('customer', 'checkout') AND account = $1 AND livemode = $2 AND company_id IN (%)`, account, livemode, companyIDs,
		func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			promised = append(promised, id)
			return err
		})
	slices.Sort(promised)
	return promised, err
}

// promises runs a query about ids, where they stand as %, in pieces. What cannot be kept was
// not kept, and is not asked about.
func (s *Store) promises(ctx context.Context, query, account string, livemode bool, ids []string, scan func(*sql.Rows) error) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || checkText(id) != nil })
	if checkText(account) != nil {
		return nil
	}
	for some := range slices.Chunk(ids, atOnce) {
		err := func() error {
			statement := strings.Replace(query, "%", parameters(3, len(some)), 1)
			rows, err := s.db.Read.QueryContext(ctx, s.d.query(statement), append([]any{account, livemode}, anys(some)...)...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := scan(rows); err != nil {
					return err
				}
			}
			return rows.Err()
		}()
		if err != nil {
			return s.explain(ctx, err)
		}
	}
	return nil
}
