package state

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// choose turns a query into what follows WHERE, with order and limit, and its
// parameters.
func choose(q rightful.FindingQuery) (string, []any) {
	where, args := conditions(q)
	order := ` ORDER BY id LIMIT ` + number(q.Limit)
	if q.CompanyID == "" {
		return where + order, args
	}
	// A company is named in two columns. Either has an index in the order of ids, and
	// with OR neither engine would use them: it would read everything that is open.
	args = append(args, rightful.CanonicalID(q.CompanyID))
	of := func(column string) string {
		return `SELECT id FROM (SELECT id FROM rightful_findings WHERE ` + column + ` = $` + strconv.Itoa(len(args)) + ` AND ` + where + order + `) AS by_` + column
	}
	return `id IN (` + of("company") + ` UNION ` + of("rightful_company") + `)` + order, args
}

// conditions are those of a query, but for its company.
func conditions(q rightful.FindingQuery) (string, []any) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where = append(where, condition)
	}
	if q.OpenedBy == "" && q.ResolvedBy == "" {
		add(`resolved_at = 0`)
	}
	if q.Account != "" {
		add(`account = ? AND livemode = ?`, q.Account, q.Livemode)
	}
	switch {
	case q.Code != "" && q.CompanyID != "":
		add(`code || '' = ?`, string(q.Code)) // the index of the company is the better one
	case q.Code != "":
		add(`code = ?`, string(q.Code))
	}
	if q.Severity != "" {
		add(`severity = ?`, string(q.Severity))
	}
	if q.Born != "" {
		add(`born = ?`, q.Born)
	}
	if q.Family != "" {
		add(`family = ?`, q.Family)
	}
	if q.OpenedBy != "" {
		add(`opened_by = ?`, q.OpenedBy)
	}
	if q.ResolvedBy != "" {
		add(`resolved_by = ?`, q.ResolvedBy)
	}
	if q.After != "" {
		add(`id > ?`, q.After)
	}
	if len(where) == 0 {
		return `1 = 1`, nil
	}
	return strings.Join(where, ` AND `), args
}

// number writes a limit.
func number(limit int) string {
	if limit <= 0 {
		limit = pageOfAudits
	}
	return strconv.Itoa(limit)
}

// findings reads those that where chooses and orders.
func (s *Store) findings(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]rightful.RecordedFinding, error) {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT body, born, opened_at, opened_by, seen_at, resolved_at, resolved_by, resolved_because
		FROM rightful_findings WHERE `+where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []rightful.RecordedFinding{}
	for rows.Next() {
		var body string
		var f rightful.RecordedFinding
		if err := rows.Scan(&body, &f.Born, &f.OpenedAt, &f.OpenedBy, &f.SeenAt, &f.ResolvedAt, &f.ResolvedBy, &f.ResolvedBecause); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(body), &f.Finding, jsontext.AllowInvalidUTF8(true)); err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, rows.Err()
}

// CountFindings implements rightful.AuditReader.
func (s *Store) CountFindings(ctx context.Context) ([]rightful.FindingCount, error) {
	counts := []rightful.FindingCount{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT code, severity, COUNT(*) FROM rightful_findings WHERE resolved_at = 0 GROUP BY code, severity ORDER BY code, severity`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c rightful.FindingCount
			if err := rows.Scan(&c.Code, &c.Severity, &c.Count); err != nil {
				return err
			}
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
}
