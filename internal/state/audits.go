package state

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/journal"
)

var _ rightful.AuditKeeper = (*Store)(nil)

// pageOfAudits is how much is returned when nothing is said.
const pageOfAudits = 100

// RecordAudit implements rightful.AuditKeeper.
func (s *Store) RecordAudit(ctx context.Context, r rightful.AuditResult) (kept rightful.AuditRecord, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		kept, err = s.recordAudit(ctx, tx, r)
		return err
	})
	return kept, err
}

// recordAudit is RecordAudit in a transaction.
func (s *Store) recordAudit(ctx context.Context, tx *sql.Tx, r rightful.AuditResult) (rightful.AuditRecord, error) {
	kept := r.AuditRecord
	if err := s.among(ctx, tx, true); err != nil {
		return kept, err
	}
	now := s.now()
	kept.ID, kept.KeptAt = newAuditID(now), now.Unix()
	kept.IncompleteBecause = append([]string{}, r.IncompleteBecause...)
	life := life{account: r.Account, livemode: r.Livemode, born: rightful.BornInAudit, at: r.At, by: kept.ID}
	opened, err := s.meet(ctx, tx, life, r.Findings)
	if err != nil {
		return kept, err
	}
	kept.Opened, kept.Resolved = len(opened), 0
	if kept.Complete && kept.RefusedCode == "" {
		if kept.Resolved, err = s.resolve(ctx, tx, life, r); err != nil {
			return kept, err
		}
	}
	if err := s.row(ctx, tx, `SELECT COUNT(*) FROM rightful_findings WHERE resolved_at = 0 AND account = $1 AND livemode = $2`,
		r.Account, r.Livemode).Scan(&kept.Open); err != nil {
		return kept, err
	}
	raw, err := json.Marshal(kept, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return kept, err
	}
	_, err = s.exec(ctx, tx, `INSERT INTO rightful_audits (seq, id, account, livemode, record)
		SELECT COALESCE(MAX(seq), 0) + 1, CAST($1 AS text), CAST($2 AS text), $3, CAST($4 AS text) FROM rightful_audits`, kept.ID, r.Account, r.Livemode, string(raw))
	return kept, err
}

// NoteFindings implements rightful.AuditKeeper.
func (s *Store) NoteFindings(ctx context.Context, at int64, findings []rightful.Finding) ([]rightful.RecordedFinding, error) {
	opened := []rightful.RecordedFinding{}
	if len(findings) == 0 {
		return opened, nil
	}
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.among(ctx, tx, false); err != nil {
			return err
		}
		var err error
		opened, err = s.meet(ctx, tx, life{born: rightful.BornInGateway, at: at}, findings)
		return err
	})
	return opened, err
}

// ResolveNoted implements rightful.AuditKeeper.
func (s *Store) ResolveNoted(ctx context.Context, at int64, ids []string) (resolved int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		resolved = 0
		if err := s.among(ctx, tx, false); err != nil {
			return err
		}
		for _, id := range ids {
			n, err := s.exec(ctx, tx, `UPDATE rightful_findings SET resolved_at = $1, resolved_by = '', resolved_because = $2
				WHERE id = $3 AND born = $4 AND resolved_at = 0 AND seen_at <= $1`, at, rightful.ResolvedGone, id, rightful.BornInGateway)
			if err != nil {
				return err
			}
			resolved += int(n)
		}
		return nil
	})
	return resolved, err
}

func newAuditID(now time.Time) string {
	return "audit-" + now.UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:16])
}

// among keeps an audit from being recorded while findings are noted, and two audits
// from each other: each compares what it has with what is open. It is the end of the
// transaction that lets the next one in.
func (s *Store) among(ctx context.Context, tx *sql.Tx, alone bool) error {
	if lock := s.d.lockFindings(alone); lock != "" {
		_, err := tx.ExecContext(ctx, lock)
		return err
	}
	return nil
}

// life is where findings are met: by which audit, or the gateway, and as of when.
type life struct {
	account  string
	livemode bool
	born     string
	at       int64
	by       string
}

// opens says which findings that were resolved it may open again. What was accepted or
// turned off is none of the gateway's business.
func (l life) opens() string {
	if l.born == rightful.BornInGateway {
		return ` AND rightful_findings.resolved_because = '` + rightful.ResolvedGone + `'`
	}
	return ""
}

// meet keeps findings as open, and returns those that were not.
func (s *Store) meet(ctx context.Context, tx *sql.Tx, l life, findings []rightful.Finding) ([]rightful.RecordedFinding, error) {
	opened := []rightful.RecordedFinding{}
	for _, f := range slices.SortedFunc(slices.Values(findings), func(a, b rightful.Finding) int { return cmp.Compare(a.ID, b.ID) }) {
		body, err := bodyOf(f)
		if err != nil {
			return nil, err
		}
		family := f.Family
		if journal.HoldsSecret(family) {
			family = "" // as in the body
		}
		columns := []any{f.ID, f.Account, f.Livemode, string(f.Code), string(f.Severity), canonical(f.CompanyID), canonical(f.RightfulCompanyID), body, family}
		// One that is open lives on: it is seen again, and perhaps says something else.
		// What an earlier look saw never replaces what a later one did.
		n, err := s.exec(ctx, tx, `UPDATE rightful_findings SET account = $2, livemode = $3, code = $4, severity = $5, company = $6, rightful_company = $7, body = $8, family = $9, seen_at = $10
			WHERE id = $1 AND resolved_at = 0 AND seen_at <= $10`, append(columns, l.at)...)
		if err != nil {
			return nil, err
		}
		if n == 1 {
			continue
		}
		n, err = s.exec(ctx, tx, `INSERT INTO rightful_findings
			(id, account, livemode, code, severity, company, rightful_company, body, family, born, opened_at, opened_by, seen_at, resolved_at, resolved_by, resolved_because)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11, 0, '', '')
			ON CONFLICT (id) DO UPDATE SET account = excluded.account, livemode = excluded.livemode, code = excluded.code, severity = excluded.severity,
				company = excluded.company, rightful_company = excluded.rightful_company, body = excluded.body, family = excluded.family, born = excluded.born,
				opened_at = excluded.opened_at, opened_by = excluded.opened_by, seen_at = excluded.seen_at, resolved_at = 0, resolved_by = '', resolved_because = ''
			WHERE rightful_findings.resolved_at <> 0 AND rightful_findings.resolved_at <= excluded.opened_at`+l.opens(), append(columns, l.born, l.at, l.by)...)
		if err != nil {
			return nil, err
		}
		if n == 1 {
			opened = append(opened, rightful.RecordedFinding{Finding: f, Born: l.born, OpenedAt: l.at, OpenedBy: l.by, SeenAt: l.at})
		}
	}
	return opened, nil
}

// resolve ends the lives of findings that were open before an audit, and that it
// does not report. What was seen after it began it cannot have looked at again.
func (s *Store) resolve(ctx context.Context, tx *sql.Tx, l life, r rightful.AuditResult) (int, error) {
	open, err := s.findings(ctx, tx, `resolved_at = 0 AND account = $1 AND livemode = $2 AND seen_at <= $3 ORDER BY id`, l.account, l.livemode, l.at)
	if err != nil {
		return 0, err
	}
	reported, accepted := map[string]bool{}, map[string]bool{}
	for _, f := range r.Findings {
		reported[f.ID] = true
	}
	for _, id := range r.Accepted {
		accepted[id] = true
	}
	resolved := 0
	for _, f := range open {
		if reported[f.ID] {
			continue
		}
		because := rightful.ResolvedGone
		switch {
		case accepted[f.ID]:
			because = rightful.ResolvedAccepted
		case slices.Contains(r.Off, f.Code):
			because = rightful.ResolvedOff
		}
		n, err := s.exec(ctx, tx, `UPDATE rightful_findings SET resolved_at = $1, resolved_by = $2, resolved_because = $3 WHERE id = $4`, l.at, l.by, because, f.ID)
		if err != nil {
			return 0, err
		}
		resolved += int(n)
	}
	return resolved, nil
}

// bodyOf returns a finding as it is kept. What looks like a secret is kept nowhere:
// such a finding keeps its ids, and says so.
func bodyOf(f rightful.Finding) (string, error) {
	raw, err := json.Marshal(f, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil || !journal.HoldsSecret(string(raw)) {
		return string(raw), err
	}
	bare := rightful.Finding{
		ID: f.ID, Code: f.Code, Severity: f.Severity, Security: f.Security, Title: f.Title, Account: f.Account, Livemode: f.Livemode, Object: f.Object, Family: f.Family,
		Message: "what was found holds what looks like a secret, so it is not kept: audit again to see it", Amount: f.Amount,
	}
	for _, text := range []*string{&bare.Title, &bare.Object.ID, &bare.Family} {
		if journal.HoldsSecret(*text) {
			*text = "***"
		}
	}
	raw, err = json.Marshal(bare, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	return string(raw), err
}

func canonical(id *string) string {
	if id == nil {
		return ""
	}
	return rightful.CanonicalID(*id)
}

// Audits implements rightful.AuditReader.
func (s *Store) Audits(ctx context.Context, account string, livemode bool, limit int) ([]rightful.AuditRecord, error) {
	where, args := `1 = 1`, []any{}
	if account != "" {
		where, args = `account = $1 AND livemode = $2`, []any{account, livemode}
	}
	records := []rightful.AuditRecord{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, s.d.query(`SELECT record FROM rightful_audits WHERE `+where+` ORDER BY seq DESC LIMIT `+number(limit)), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var raw string
			var r rightful.AuditRecord
			if err := rows.Scan(&raw); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(raw), &r, jsontext.AllowInvalidUTF8(true)); err != nil {
				return err
			}
			records = append(records, r)
		}
		return rows.Err()
	})
	return records, err
}

// Findings implements rightful.AuditReader.
func (s *Store) Findings(ctx context.Context, q rightful.FindingQuery) ([]rightful.RecordedFinding, error) {
	where, args := choose(q)
	found := []rightful.RecordedFinding{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		found, err = s.findings(ctx, tx, where, args...)
		return err
	})
	return found, err
}

// FindingByID implements rightful.AuditReader.
func (s *Store) FindingByID(ctx context.Context, id string) (rightful.RecordedFinding, error) {
	var found []rightful.RecordedFinding
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		found, err = s.findings(ctx, tx, `id = $1`, id)
		return err
	})
	switch {
	case err != nil:
		return rightful.RecordedFinding{}, err
	case len(found) == 0:
		return rightful.RecordedFinding{}, &rightful.Error{
			Kind: rightful.KindNotFound, Place: "state", Message: "no finding of this id was recorded", Hint: "rightful audit --record records what is found", Err: sql.ErrNoRows,
		}
	}
	return found[0], nil
}
