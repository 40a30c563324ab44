package gateway_test

import (
	"cmp"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/stripesim"
)

// activeCompany maps an app whose users act for one company at a time, and may act for
// companies that they are no members of.
func activeCompany(m *sqldirectory.Mapping, _ *sqldirectory.WriteMapping) {
	m.Users = "SELECT id, email FROM users"
	m.Resolve = "SELECT company_id FROM users WHERE id = :user_id"
}

// premisesOfSupport are two companies, and user 7 of a third one, who acts for the first
// of them without a membership.
func premisesOfSupport() []string {
	return []string{
		"INSERT INTO companies (id, name, owner_id) VALUES (11, 'S3bela', 70), (12, 'Norte', 9), (20, 'Support', 71)",
		"INSERT INTO users VALUES (7, 'bela@example.com', 11), (8, 'caro@example.com', 11), (9, 'dora@example.com', 12), (10, 'eva@example.com', 20)",
		"INSERT INTO memberships VALUES (7, 20, 1, NULL), (8, 11, 1, NULL), (9, 12, 1, NULL), (10, 20, 1, NULL)",
	}
}

// TestWhoActedForACompany: a purchase by somebody who acted for a company without being
// of it is that company's, by our own record of what the resolver said, whatever company
// they act for on their return; nobody else is told for that.
func TestWhoActedForACompany(t *testing.T) {
	t.Parallel()
	moved := "UPDATE users SET company_id = 12 WHERE id = 7"
	for _, tt := range []struct {
		name           string
		rows           []string
		mapping        func(*sqldirectory.Mapping, *sqldirectory.WriteMapping)
		between, after []string
		forget         bool // no record is kept
		do             func(p *premises, session string)
		then           gateway.Status    // of a replay; "": what is answered today
		want           map[string]string // user -> status and company
	}{
		{name: "acts for it still", want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company "}},
		{name: "acts for another one", between: []string{moved},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company ", "": "needs_sign_in "}},
		{name: "acts for another one, after it was paid", after: []string{moved},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company "}},
		{name: "acts for nobody", between: []string{"UPDATE users SET company_id = NULL WHERE id = 7"},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company "}},
		{name: "acts for their own", between: []string{"UPDATE users SET company_id = 20 WHERE id = 7"},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company "}},
		{name: "acts for another one, and it was merged", between: []string{moved, "UPDATE companies SET merged_into = 12 WHERE id = 11"},
			want: map[string]string{"7": "valid 12", "8": "valid 12", "9": "valid 12", "10": "other_company "}},
		{name: "acts for another one, and it was merged into a third", after: []string{moved, "INSERT INTO companies (id, name) VALUES (13, 'Third')", "UPDATE companies SET merged_into = 13 WHERE id = 11"},
			want: map[string]string{"7": "valid 13", "8": "valid 13", "9": "other_company ", "10": "other_company "}},
		{name: "acts for another one, and it was deleted", between: []string{moved, "UPDATE companies SET deleted_at = 1790000100 WHERE id = 11"},
			then: gateway.Valid,
			want: map[string]string{"7": "company_gone ", "8": "company_gone ", "9": "other_company ", "10": "other_company "}},
		{name: "acts for another one, and it was deleted without a trace", after: []string{moved, "DELETE FROM companies WHERE id = 11", "DELETE FROM memberships WHERE company_id = 11"},
			want: map[string]string{"7": "company_gone ", "9": "other_company ", "10": "other_company "}},
		{name: "acts for another one, and the link was cleared", between: []string{moved, "UPDATE companies SET stripe_customer_id = NULL"},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company "}},
		{name: "acts for another one, and a colleague left", between: []string{moved, "UPDATE memberships SET left_at = 1790000100 WHERE user_id = 8", "UPDATE users SET company_id = NULL WHERE id = 8"},
			want: map[string]string{"7": "valid 11", "8": "other_company "}},
		{name: "acts for another one, and was removed", after: []string{"DELETE FROM users WHERE id = 7"},
			want: map[string]string{"7": "needs_sign_in ", "8": "valid 11", "9": "other_company "}},
		{name: "the stamps were overwritten", between: []string{moved}, do: restamp("12"),
			want: map[string]string{"10": "other_company "}},
		{name: "nothing remembers it", forget: true, between: []string{"UPDATE users SET company_id = NULL WHERE id = 7"},
			want: map[string]string{"7": "no_company ", "8": "no_company ", "9": "other_company "}},
		{name: "the buyer's stamp was overwritten", between: []string{moved}, do: stampedWith("metadata[user_id]", "9"),
			want: map[string]string{"7": "no_company ", "9": "no_company ", "10": "other_company "}},
		{name: "the company's stamp was overwritten", between: []string{moved}, do: stampedWith("metadata[company_id]", "12"),
			want: map[string]string{"10": "other_company "}},
		{name: "the app keeps no memberships", mapping: func(m *sqldirectory.Mapping, w *sqldirectory.WriteMapping) { activeCompany(m, w); m.Memberships = "" }, between: []string{moved},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company ", "10": "other_company "}},
		{name: "companies are stamped by another name", rows: append(premisesOfSupport(), "UPDATE companies SET slug = 'c-' || id"), between: []string{moved},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company "}},
		{name: "a membership that ended as it was bought", rows: leaving("1790000000"),
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company "}},
		{name: "a membership that ended just before", rows: leaving("1789999999"), after: []string{moved},
			want: map[string]string{"7": "valid 11", "8": "valid 11", "9": "other_company "}},
	} {
		for _, kind := range []string{"subscription", "payment"} {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				rows := tt.rows
				if rows == nil {
					rows = premisesOfSupport()
				}
				mapping := activeCompany
				if tt.mapping != nil {
					mapping = tt.mapping
				}
				p := rent(t, setup{mapping: mapping}, rows, "")
				session := p.buys(p.gateway(), kind)
				for _, s := range tt.between {
					p.exec(s)
				}
				p.later(120)
				if err := p.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
					t.Fatal(err)
				}
				for _, s := range tt.after {
					p.exec(s)
				}
				if tt.do != nil {
					tt.do(p, session)
				}
				p.later(120)
				if tt.forget {
					p.opt.Intents = struct{ rightful.IntentStore }{p.opt.Intents}
				}
				g := p.gateway()
				r, err := g.Replay(t.Context(), gateway.ReplayRequest{SessionsOnly: true})
				if err != nil || len(r.Sessions) != 1 {
					t.Fatalf("%v: %+v", err, r)
				}
				asValidated(t, g, r, t.Errorf)
				if s := r.Sessions[0]; s.Status != cmp.Or(tt.then, s.Today) {
					t.Errorf("replayed as %s, and today as %s", s.Status, s.Today)
				}
				for user, want := range tt.want {
					v, err := p.gateway().ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: user})
					if err != nil {
						t.Fatal(err)
					}
					got := string(v.Status) + " "
					if v.CompanyID != nil {
						got += *v.CompanyID
					}
					if got != want {
						o, _ := p.gateway().ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: user, Operator: true})
						t.Errorf("user %q: %s, want %s\n%s\n%s", user, got, want, o.OperatorMessage, codes(o.Findings))
					}
				}
			})
		}
	}
}

// leaving are premises where the buyer's membership ended at a time.
func leaving(at string) []string {
	rows := premisesOfSupport()
	rows[2] = "INSERT INTO memberships VALUES (7, 20, 1, NULL), (7, 11, 1, " + at + "), (8, 11, 1, NULL), (9, 12, 1, NULL), (10, 20, 1, NULL)"
	return rows
}

// stampedWith overwrites one stamp of the session.
func stampedWith(key, value string) func(*premises, string) {
	return func(p *premises, session string) {
		p.call("POST", "/v1/checkout/sessions/"+session, map[string][]string{key: {value}})
	}
}
