package gateway_test

import (
	"slices"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/collect"
	"rightful/internal/engine"
	"rightful/internal/judge"
	"rightful/internal/look"
	"rightful/internal/source/sqldirectory"
	"rightful/stripesim"
)

// auditor is an engine over what the gateway reads; without its records it knows only
// what the places say.
func (p *premises) auditor(records bool) *engine.Engine {
	e := &engine.Engine{
		Sources: collect.Sources{Directory: p.opt.Directory, Stripe: p.opt.Stripe},
		Options: collect.Options{Now: p.clock().Unix(), Keys: p.opt.Keys},
		Rules:   judge.Rules{Keys: p.opt.Keys, OwnershipValue: p.opt.OwnershipValue},
	}
	if records {
		e.Sources.Record = look.RecordOf(p.opt.Intents, p.opt.Stripe.Account)
	}
	return e
}

// outsiders are the findings that a company was stamped which the buyer did not belong
// to, or that nobody can say whose it is.
func outsiders(findings []rightful.Finding) []rightful.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f rightful.Finding) bool {
		return f.Code != rightful.CodeStampOther && f.Code != rightful.CodeStampMissing
	})
}

// TestStatusAndFindingsHearTheSame: a purchase that only our own record explains is valid,
// and then nothing is found against it either: in the answer, in what is told of its
// events, in an audit, and in an investigation. Without the record all of them say that
// its buyer was a stranger.
func TestStatusAndFindingsHearTheSame(t *testing.T) {
	t.Parallel()
	switched := []string{
		"UPDATE memberships SET left_at = 1790000060 WHERE user_id = 7", "UPDATE companies SET owner_id = 8 WHERE id = 11", "UPDATE users SET company_id = 12 WHERE id = 7",
	}
	ended := func(m *sqldirectory.Mapping, w *sqldirectory.WriteMapping) {
		activeCompany(m, w)
		m.Memberships = "SELECT user_id, company_id, joined_at, left_at FROM memberships WHERE left_at IS NULL"
	}
	for _, tt := range []struct {
		name    string
		mapping func(*sqldirectory.Mapping, *sqldirectory.WriteMapping)
		between []string
	}{
		{"acted for it without a membership", activeCompany, switched},
		{"the app forgets memberships that ended", ended, append([]string{"INSERT INTO memberships VALUES (7, 12, 1, NULL)"}, switched[1:]...)},
	} {
		for _, kind := range []string{"subscription", "payment"} {
			for _, kept := range []bool{true, false} {
				name := tt.name + ", " + kind
				if !kept {
					name += ", and nothing remembers it"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					o := openOffice(t, setup{mapping: tt.mapping}, premisesOfSupport(), "")
					session := o.buys(o.gateway(), kind)
					o.later(120)
					if err := o.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
						t.Fatal(err)
					}
					for _, s := range tt.between {
						o.exec(s)
					}
					o.later(2 * judge.GracePeriod)
					if !kept {
						o.forgetsWhoBought()
					}
					v, err := o.gateway().ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: "7", Operator: true})
					if err != nil || kept && v.Status != gateway.Valid {
						t.Fatalf("%s %v", v.Status, err)
					}
					audit, err := o.auditor(kept).Audit(t.Context(), engine.AuditInput{})
					if err != nil || !audit.Complete {
						t.Fatalf("%+v %v", audit, err)
					}
					inv, err := o.auditor(kept).Investigate(t.Context(), session)
					if err != nil || !inv.Complete {
						t.Fatalf("%+v %v", inv, err)
					}
					o.settle()
					o.later(61)
					o.judge()
					o.judge()
					var told []rightful.Finding
					o.mu.Lock()
					for _, d := range o.decisions {
						if d.Kind == gateway.DecidedWebhook {
							told = append(told, d.Findings...)
						}
					}
					o.mu.Unlock()
					r, err := o.gateway().Replay(t.Context(), gateway.ReplayRequest{SessionsOnly: true})
					if err != nil || len(r.Sessions) != 1 {
						t.Fatalf("%+v %v", r, err)
					}
					for where, found := range map[string][]rightful.Finding{"the answer": v.Findings, "an audit": audit.Findings, "an investigation": inv.Findings, "its events": told} {
						switch found := outsiders(found); {
						case kept && len(found) > 0:
							t.Errorf("%s says %s: %s", where, codes(found), found[0].Message)
						case !kept && len(found) == 0:
							t.Errorf("%s finds nothing", where)
						}
					}
					if got := slices.Contains(r.Sessions[0].Codes, string(rightful.CodeStampOther)); got == kept {
						t.Errorf("replayed with %v", r.Sessions[0].Codes)
					}
				})
			}
		}
	}
}
