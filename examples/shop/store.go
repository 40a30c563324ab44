package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver
)

//go:embed schema.sql
var schema string

// store is the shop's own database.
type store struct{ *sql.DB }

// errNo is what the shop does not do, in words for whoever asked.
type errNo string

func (e errNo) Error() string { return string(e) }

// user is who is signed in, with the company they work in.
type user struct {
	ID        int64
	Email     string
	CompanyID int64 // 0: none
	Company   string
	Customer  string // Stripe's, of the company; empty: none yet
	Plan      string // status of the company's subscription; empty: none
	Owner     bool
	Others    []company // that they could switch to
}

func (u user) text() string { return strconv.FormatInt(u.ID, 10) }

type company struct {
	ID   int64
	Name string
}

func openStore(ctx context.Context, path string) (*store, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db}, nil
}

// within runs a transaction.
func (s *store) within(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// signUp makes a user with a company of their own.
func (s *store) signUp(ctx context.Context, email, password, name string) (id int64, err error) {
	hash, err := hashPassword(password, "")
	if err != nil {
		return 0, err
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "INSERT INTO users (email, password) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id", email, hash).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return errNo("There is an account with this email. Please sign in.")
		}
		if err != nil {
			return err
		}
		return found(ctx, tx, id, name)
	})
	return id, err
}

// found makes a company, and lets its owner work in it.
func found(ctx context.Context, tx *sql.Tx, owner int64, name string) error {
	var id int64
	if err := tx.QueryRowContext(ctx, "INSERT INTO companies (name, owner_id) VALUES (?, ?) RETURNING id", name, owner).Scan(&id); err != nil {
		return err
	}
	return join(ctx, tx, owner, id)
}

// join makes a user a member of a company, and lets them work in it.
func join(ctx context.Context, tx *sql.Tx, user, company int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO memberships (user_id, company_id, joined_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", user, company, time.Now().Unix())
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE users SET company_id = ? WHERE id = ?", company, user)
	}
	return err
}

func (s *store) signIn(ctx context.Context, email, password string) (id int64, err error) {
	var kept string
	err = s.QueryRowContext(ctx, "SELECT id, password FROM users WHERE email = ?", email).Scan(&id, &kept)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	if !samePassword(kept, password) {
		return 0, errNo("Email and password do not belong together.")
	}
	return id, nil
}

func (s *store) newCompany(ctx context.Context, owner int64, name string) error {
	return s.within(ctx, func(tx *sql.Tx) error { return found(ctx, tx, owner, name) })
}

// invite returns a token that lets one person join.
func (s *store) invite(ctx context.Context, company int64) (string, error) {
	token := rand.Text()
	_, err := s.ExecContext(ctx, "INSERT INTO invitations (token, company_id) VALUES (?, ?)", token, company)
	return token, err
}

func (s *store) join(ctx context.Context, user int64, token string) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx, `UPDATE invitations SET used_at = ? WHERE token = ? AND used_at IS NULL
			AND company_id IN (SELECT id FROM companies WHERE closed_at IS NULL) RETURNING company_id`, time.Now().Unix(), token).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return errNo("This invitation is not good any more.")
		}
		if err != nil {
			return err
		}
		return join(ctx, tx, user, id)
	})
}

// switchTo lets a member work in another company of theirs.
func (s *store) switchTo(ctx context.Context, user int64, company string) error {
	done, err := s.ExecContext(ctx, `UPDATE users SET company_id = (SELECT id FROM companies WHERE id = ?1 AND closed_at IS NULL)
		WHERE id = ?2 AND EXISTS (SELECT 1 FROM memberships m JOIN companies c ON c.id = m.company_id
			WHERE m.user_id = ?2 AND c.id = ?1 AND m.left_at IS NULL AND c.closed_at IS NULL)`, company, user)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errNo("There is no such company."))
	}
	return nil
}

// closeCompany ends a company of its owner. Everybody works in another one of theirs
// then, or in none.
func (s *store) closeCompany(ctx context.Context, owner, company int64) error {
	now := time.Now().Unix()
	return s.within(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE companies SET closed_at = ? WHERE id = ? AND owner_id = ? AND closed_at IS NULL", now, company, owner)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errNo("Only its owner can close a company."))
		}
		if _, err = tx.ExecContext(ctx, "UPDATE memberships SET left_at = ? WHERE company_id = ? AND left_at IS NULL", now, company); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE users SET company_id =
			(SELECT m.company_id FROM memberships m WHERE m.user_id = users.id AND m.left_at IS NULL ORDER BY m.id LIMIT 1) WHERE company_id = ?`, company)
		return err
	})
}

// user reads who is signed in. A user who is not there has no ID.
func (s *store) user(ctx context.Context, id int64) (u user, err error) {
	err = s.QueryRowContext(ctx, `SELECT u.id, u.email, COALESCE(c.id, 0), COALESCE(c.name, ''), COALESCE(c.stripe_customer_id, ''), COALESCE(c.owner_id = u.id, 0),
		COALESCE((SELECT status FROM subscriptions s WHERE s.company_id = c.id ORDER BY status = 'active' DESC LIMIT 1), '')
		FROM users u LEFT JOIN companies c ON c.id = u.company_id WHERE u.id = ?`, id).
		Scan(&u.ID, &u.Email, &u.CompanyID, &u.Company, &u.Customer, &u.Owner, &u.Plan)
	if errors.Is(err, sql.ErrNoRows) {
		return user{}, nil
	}
	if err != nil {
		return user{}, err
	}
	rows, err := s.QueryContext(ctx, `SELECT c.id, c.name FROM memberships m JOIN companies c ON c.id = m.company_id
		WHERE m.user_id = ? AND m.left_at IS NULL AND c.id <> ? ORDER BY c.id`, id, u.CompanyID)
	if err != nil {
		return user{}, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c company
		if err := rows.Scan(&c.ID, &c.Name); err != nil {
			return user{}, err
		}
		u.Others = append(u.Others, c)
	}
	return u, rows.Err()
}

// keepSubscription writes a subscription's row, new or changed.
func (s *store) keepSubscription(ctx context.Context, id, customer string, company int64, status string) error {
	_, err := s.ExecContext(ctx, `INSERT INTO subscriptions (stripe_subscription_id, stripe_customer_id, company_id, status) VALUES (?, ?, ?, ?)
		ON CONFLICT (stripe_subscription_id) DO UPDATE SET stripe_customer_id = excluded.stripe_customer_id, company_id = excluded.company_id, status = excluded.status`,
		id, customer, company, status)
	return err
}
