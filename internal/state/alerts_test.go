package state_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// chat is a rule that is told of everything, at most each minute.
var chat = rightful.AlertRule{
	Channel: "chat", Kinds: []rightful.AlertKind{rightful.AlertFinding, rightful.AlertValidation, rightful.AlertDelivery, rightful.AlertAudit},
	Severity: rightful.SeverityWarning, Threshold: 1, Every: 60, Remind: 86400,
}

// standing is an alert of a finding.
func standing(id string, code rightful.Code) rightful.Alert {
	info, _ := rightful.CodeNamed(code)
	return rightful.Alert{
		Key: "finding:" + id, Kind: rightful.AlertFinding, Severity: info.Severity, Title: info.Title, Message: "about " + id,
		IDs: []rightful.Ref{{Type: "customer", ID: "cus_" + id}}, Codes: []rightful.Code{code},
	}
}

// refused is one refusal of a payment.
func refused(session string) rightful.Alert {
	return rightful.Alert{
		Key: "validation:other_company", Kind: rightful.AlertValidation, Severity: rightful.SeverityError, Title: "payments of another company",
		IDs: []rightful.Ref{{Type: "checkout.session", ID: session}}, Codes: []rightful.Code{}, Count: 1, Quiet: 3600,
	}
}

// told makes a message for a rule, claims and settles it, and says what it says.
func (b *bench) told(s *state.Store, r rightful.AlertRule) string {
	b.Helper()
	must(b, s.MakeAlertMessage(b.Context(), r))
	claim, err := s.ClaimAlertMessage(b.Context(), r.Channel, 60)
	must(b, err)
	if claim == nil {
		return ""
	}
	must(b, s.SettleAlertMessage(b.Context(), rightful.AlertOutcome{Claim: *claim}))
	return says(claim.Message)
}

func says(m rightful.AlertMessage) string {
	var parts []string
	for _, p := range m.Parts {
		var counts []string
		for _, c := range p.Counts {
			counts = append(counts, fmt.Sprintf("%d %s", c.Count, c.Label))
		}
		parts = append(parts, fmt.Sprintf("%s: %s", p.Said, strings.Join(counts, ", ")))
	}
	return strings.Join(parts, "; ")
}

// TestWhatAChannelIsTold walks through the life of alerts. Each step changes
// something or lets time pass, and then the channel is told.
func TestWhatAChannelIsTold(t *testing.T) {
	type step struct {
		raise   []rightful.Alert
		resolve []string
		replace []rightful.Alert // of the findings; nil: they stay
		pass    int64
		want    string
	}
	a, other, mild := standing("a", "RF102"), standing("b", "RF102"), standing("c", "RF701")
	grave := standing("c", "RF701")
	grave.Severity = rightful.SeverityError
	onlyErrors, onlyFindings, third := chat, chat, chat
	onlyErrors.Severity = rightful.SeverityError
	onlyFindings.Kinds = []rightful.AlertKind{rightful.AlertFinding}
	third.Threshold = 3
	warning := standing("d", "RF105")
	deaf := rightful.Alert{Key: rightful.AlertChannelDead + "chat", Kind: rightful.AlertDelivery, Severity: rightful.SeverityError, Title: "t"}
	tests := map[string]struct {
		rule  rightful.AlertRule
		steps []step
	}{
		"once": {chat, []step{{raise: []rightful.Alert{a}, want: "new: 1 RF102"}, {pass: 100}, {raise: []rightful.Alert{a}}, {pass: 86000}}},
		"grouped": {chat, []step{
			{raise: []rightful.Alert{a}, want: "new: 1 RF102"},
			{raise: []rightful.Alert{other}}, {pass: 59, raise: []rightful.Alert{warning}},
			{pass: 1, want: "new: 1 RF102, 1 RF105"},
		}},
		"reminded": {chat, []step{{raise: []rightful.Alert{a}, want: "new: 1 RF102"}, {pass: 86399}, {pass: 1, want: "open: 1 RF102"}, {pass: 86400, want: "open: 1 RF102"}}},
		"resolved": {chat, []step{
			{raise: []rightful.Alert{a, other}, want: "new: 2 RF102"}, {pass: 60, resolve: []string{a.Key}, want: "resolved: 1 RF102"},
			{pass: 90000, want: "open: 1 RF102"}, {pass: 60, resolve: []string{other.Key, other.Key, "nothing"}, want: "resolved: 1 RF102"}, {pass: 90000},
		}},
		"opened again":                    {chat, []step{{raise: []rightful.Alert{a}, want: "new: 1 RF102"}, {pass: 60, resolve: []string{a.Key}, want: "resolved: 1 RF102"}, {pass: 60, raise: []rightful.Alert{a}, want: "new: 1 RF102"}}},
		"over before anybody was told":    {chat, []step{{raise: []rightful.Alert{a}, want: "new: 1 RF102"}, {raise: []rightful.Alert{other}}, {resolve: []string{other.Key}}, {pass: 100}}},
		"back before anybody was told":    {chat, []step{{raise: []rightful.Alert{a}, want: "new: 1 RF102"}, {resolve: []string{a.Key}}, {raise: []rightful.Alert{a}}, {pass: 100}}},
		"not severe enough":               {chat, []step{{raise: []rightful.Alert{mild}}, {pass: 100, raise: []rightful.Alert{grave}, want: "new: 1 RF701"}, {pass: 60, raise: []rightful.Alert{mild}}, {pass: 60, resolve: []string{mild.Key}, want: "resolved: 1 RF701"}}},
		"errors only":                     {onlyErrors, []step{{raise: []rightful.Alert{a, warning}, want: "new: 1 RF102"}}},
		"another kind":                    {onlyFindings, []step{{raise: []rightful.Alert{refused("cs_1")}}, {pass: 60, raise: []rightful.Alert{a}, want: "new: 1 RF102"}}},
		"not of itself":                   {chat, []step{{raise: []rightful.Alert{deaf}}}},
		"replaced":                        {chat, []step{{replace: []rightful.Alert{a, other}, want: "new: 2 RF102"}, {pass: 60, replace: []rightful.Alert{other, warning}, want: "new: 1 RF105; resolved: 1 RF102"}, {pass: 60, replace: []rightful.Alert{other, warning}}, {pass: 60, replace: []rightful.Alert{}, want: "resolved: 1 RF102, 1 RF105"}}},
		"replaced by a graver one":        {chat, []step{{replace: []rightful.Alert{mild}}, {replace: []rightful.Alert{grave}, want: "new: 1 RF701"}}},
		"replaced are findings only":      {chat, []step{{raise: []rightful.Alert{refused("cs_1")}, want: "new: 1 validation:other_company"}, {pass: 60, replace: []rightful.Alert{}}}},
		"first at once, then grouped":     {chat, []step{{raise: []rightful.Alert{refused("cs_1")}, want: "new: 1 validation:other_company"}, {raise: []rightful.Alert{refused("cs_2")}}, {pass: 59, raise: []rightful.Alert{refused("cs_3")}}, {pass: 1, want: "again: 2 validation:other_company"}, {pass: 60}}},
		"quiet again":                     {chat, []step{{raise: []rightful.Alert{refused("cs_1")}, want: "new: 1 validation:other_company"}, {pass: 3599}, {pass: 1, want: "resolved: 1 validation:other_company"}, {pass: 60, raise: []rightful.Alert{refused("cs_2"), refused("cs_3")}, want: "new: 2 validation:other_company"}}},
		"a threshold":                     {third, []step{{raise: []rightful.Alert{refused("cs_1")}}, {raise: []rightful.Alert{refused("cs_2")}}, {raise: []rightful.Alert{refused("cs_3")}, want: "new: 3 validation:other_company"}, {pass: 60, raise: []rightful.Alert{refused("cs_4")}, want: "again: 1 validation:other_company"}}},
		"a threshold counts from opening": {third, []step{{raise: []rightful.Alert{refused("cs_1"), refused("cs_2")}}, {pass: 3600}, {raise: []rightful.Alert{refused("cs_3"), refused("cs_4")}}, {raise: []rightful.Alert{refused("cs_5")}, want: "new: 3 validation:other_company"}}},
		"what stands has no threshold":    {third, []step{{raise: []rightful.Alert{a}, want: "new: 1 RF102"}}},
		"all that can be said, in order":  {chat, []step{{raise: []rightful.Alert{a, other, refused("cs_1")}, want: "new: 2 RF102, 1 validation:other_company"}, {pass: 86400 - 3500, raise: []rightful.Alert{refused("cs_2")}, want: "again: 1 validation:other_company"}, {pass: 3500, resolve: []string{other.Key}, raise: []rightful.Alert{warning, refused("cs_3")}, want: "new: 1 RF105; again: 1 validation:other_company; open: 1 RF102; resolved: 1 RF102"}}},
	}
	onBoth(t, func(b *bench) {
		for name, test := range tests {
			b.Run(name, func(t *testing.T) {
				t.Parallel()
				own := b.sub(t)
				one, two := own.open(), own.open()
				for i, st := range test.steps {
					own.clock.Add(st.pass)
					if st.replace != nil {
						must(t, one.ReplaceAlerts(t.Context(), rightful.AlertFinding, st.replace))
					}
					must(t, one.RaiseAlerts(t.Context(), st.raise), two.ResolveAlerts(t.Context(), st.resolve), one.ResolveQuietAlerts(t.Context()))
					if got := own.told(two, test.rule); got != st.want {
						t.Errorf("step %d: told %q, want %q", i+1, got, st.want)
					}
					// Nobody says it twice.
					if got := own.told(one, test.rule); got != "" {
						t.Errorf("step %d: told again: %q", i+1, got)
					}
				}
			})
		}
	})
}

// TestAMessageSaysEverything looks at all of a message.
func TestAMessageSaysEverything(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		var many []rightful.Alert
		for i := range 25 {
			many = append(many, standing(fmt.Sprintf("%02d", i), "RF105"))
		}
		must(b, s.RaiseAlerts(ctx, append(many, standing("x", "RF102"))), s.MakeAlertMessage(ctx, chat))
		claim, err := s.ClaimAlertMessage(ctx, "chat", 60)
		must(b, err)
		m := claim.Message
		if len(m.Parts) != 1 || m.Parts[0].Count != 26 || len(m.Parts[0].Examples) != rightful.AlertExamples {
			b.Fatalf("got %+v", m)
		}
		want := standing("x", "RF102")
		want.At, want.Seen, want.Count = began, began, 1
		if diff := cmp.Diff(want, m.Parts[0].Examples[0]); diff != "" { // the most severe first
			b.Error(diff)
		}
		if diff := cmp.Diff([]rightful.AlertIncident{{ID: m.ID, Severity: rightful.SeverityError, Title: want.Title, Count: 26}}, m.Incidents); diff != "" {
			b.Error(diff)
		}
		must(b, s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *claim}))

		// Another incident later, and the first one ends with its last alert.
		b.clock.Add(60)
		must(b, s.RaiseAlerts(ctx, []rightful.Alert{standing("y", "RF102")}), s.ResolveAlerts(ctx, []string{"finding:x"}), s.MakeAlertMessage(ctx, chat))
		next, err := s.ClaimAlertMessage(ctx, "chat", 60)
		must(b, err, s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *next}))
		if n := next.Message; len(n.Incidents) != 1 || n.Incidents[0].ID != n.ID || len(n.Ended) != 0 {
			b.Errorf("got %+v", n)
		}
		b.clock.Add(60)
		must(b, s.ReplaceAlerts(ctx, rightful.AlertFinding, []rightful.Alert{standing("y", "RF102")}), s.MakeAlertMessage(ctx, chat))
		last, err := s.ClaimAlertMessage(ctx, "chat", 60)
		must(b, err)
		if diff := cmp.Diff([]string{m.ID}, last.Message.Ended); diff != "" {
			b.Error(diff)
		}
		if last.Message.Parts[0].Count != 25 {
			b.Errorf("got %+v", last.Message)
		}
	})
}

func TestIDsOfWhatHappensAgainAreKept(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		for i := range 12 {
			must(b, s.RaiseAlerts(b.Context(), []rightful.Alert{refused(fmt.Sprintf("cs_%02d", i))}))
		}
		must(b, s.RaiseAlerts(b.Context(), []rightful.Alert{refused("cs_05")}))
		alerts, open, err := s.Alerts(b.Context(), 0, 10)
		must(b, err)
		if open != 1 || len(alerts) != 1 || alerts[0].Count != 13 {
			b.Fatalf("got %d, %+v", open, alerts)
		}
		var got []string
		for _, id := range alerts[0].IDs {
			got = append(got, id.ID)
		}
		if want := []string{"cs_05", "cs_11", "cs_10", "cs_09", "cs_08", "cs_07", "cs_06", "cs_04", "cs_03", "cs_02"}; !slices.Equal(got, want) {
			b.Errorf("got %v", got)
		}
	})
}

func TestAMessageThatFailsIsTriedAgain(t *testing.T) {
	onBoth(t, func(b *bench) {
		s, other := b.open(), b.open()
		ctx := b.Context()
		must(b, s.RaiseAlerts(ctx, []rightful.Alert{standing("a", "RF102")}), s.MakeAlertMessage(ctx, chat))
		claim := func(s *state.Store) *rightful.AlertClaim {
			b.Helper()
			c, err := s.ClaimAlertMessage(ctx, "chat", 60)
			must(b, err)
			return c
		}
		channel := func() rightful.AlertChannel {
			b.Helper()
			all, err := other.AlertChannels(ctx)
			must(b, err)
			return all[0]
		}
		first := claim(s)
		if claim(other) != nil {
			b.Error("two have the message")
		}
		must(b, s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *first, Failed: "answered 500", NotBefore: began + 30}))
		if diff := cmp.Diff(rightful.AlertChannel{Name: "chat", Since: began, TriedAt: began, Failures: 1, Error: "answered 500", NotBefore: began + 30, Pending: true}, channel()); diff != "" {
			b.Error(diff)
		}
		alerts, _, err := other.Alerts(ctx, 0, 10)
		must(b, err)
		if diff := cmp.Diff([]rightful.AlertTold{{Channel: "chat", Said: rightful.SaidNew, At: began, Message: first.Message.ID}}, alerts[0].Told); diff != "" {
			b.Error(diff)
		}
		b.clock.Add(29)
		if claim(other) != nil {
			b.Error("it is too early")
		}
		b.clock.Add(31) // and something new waits for its own message
		must(b, s.RaiseAlerts(ctx, []rightful.Alert{standing("b", "RF102")}), s.MakeAlertMessage(ctx, chat))
		again := claim(other)
		if diff := cmp.Diff(first.Message, again.Message); diff != "" || again.Failures != 1 {
			b.Errorf("%d failures, %s", again.Failures, diff)
		}
		// Whoever is slow has lost it, and changes nothing any more.
		must(b, s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *first, Failed: "late"}), s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *first}))
		if c := channel(); !c.Pending || c.Failures != 1 || c.Error != "answered 500" {
			b.Errorf("got %+v", c)
		}
		b.clock.Add(60)
		taken := claim(s)
		if taken == nil || taken.Token == again.Token {
			b.Fatal("a claim that is over is not taken")
		}
		must(b, other.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *again, Failed: "late"}), s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *taken}))
		if c := channel(); c.Failures != 0 || c.Error != "" || c.Pending || c.SentAt != began+120 {
			b.Errorf("got %+v", c)
		}
		if got := b.told(s, chat); got != "new: 1 RF102" {
			b.Errorf("then %q", got)
		}
	})
}

func TestAMessageThatIsGivenUpIsMadeAnew(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		must(b, s.RaiseAlerts(ctx, []rightful.Alert{standing("a", "RF102"), standing("b", "RF102"), refused("cs_1")}))
		b.told(s, chat)
		b.clock.Add(60)
		must(b, s.ResolveAlerts(ctx, []string{"finding:a"}), s.RaiseAlerts(ctx, []rightful.Alert{standing("c", "RF105"), standing("d", "RF105"), refused("cs_2")}), s.MakeAlertMessage(ctx, chat))
		claim, err := s.ClaimAlertMessage(ctx, "chat", 60)
		must(b, err, s.SettleAlertMessage(ctx, rightful.AlertOutcome{Claim: *claim, Failed: "answered 404", GiveUp: true}))
		b.clock.Add(60)
		must(b, s.ResolveAlerts(ctx, []string{"finding:d"}))
		// Who was told that a is open is told that it is not; d comes to nobody's ears.
		if got := b.told(s, chat); got != "new: 1 RF105; open: 1 validation:other_company; resolved: 1 RF102" {
			b.Errorf("told %q", got)
		}
	})
}

// TestManyNodesSayItOnce lets several processes tell at the same moment.
func TestManyNodesSayItOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		const nodes, alerts = 6, 20
		first := b.open()
		for i := range alerts {
			must(b, first.RaiseAlerts(b.Context(), []rightful.Alert{standing(fmt.Sprint(i), "RF102")}))
		}
		said := make(chan string, nodes)
		failed := make(chan error, nodes)
		for range nodes {
			s := b.open()
			go func() {
				failed <- func() error {
					if err := s.MakeAlertMessage(context.Background(), chat); err != nil {
						return err
					}
					claim, err := s.ClaimAlertMessage(context.Background(), "chat", 60)
					if err != nil || claim == nil {
						return err
					}
					said <- says(claim.Message)
					return s.SettleAlertMessage(context.Background(), rightful.AlertOutcome{Claim: *claim})
				}()
			}()
		}
		for range nodes {
			must(b, <-failed)
		}
		close(said)
		var all []string
		for text := range said {
			all = append(all, text)
		}
		if !slices.Equal(all, []string{"new: 20 RF102"}) {
			b.Errorf("said %q", all)
		}
	})
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		must(b, s.RaiseAlerts(ctx, []rightful.Alert{standing("a", "RF102"), standing("b", "RF102")}))
		b.told(s, chat)
		b.clock.Add(60)
		must(b, s.ResolveAlerts(ctx, []string{"finding:a"}))
		b.told(s, chat)
		must(b, s.ForgetAlerts(ctx, began+60))
		alerts, open, err := s.Alerts(ctx, 1, 10)
		must(b, err)
		if open != 1 || len(alerts) != 2 || alerts[1].Resolved != began+60 || alerts[1].Told[0].Said != rightful.SaidResolved || !alerts[1].Told[0].Sent {
			b.Fatalf("got %d, %+v", open, alerts)
		}
		must(b, s.ForgetAlerts(ctx, began+61))
		if alerts, _, err = s.Alerts(ctx, 1, 10); err != nil || len(alerts) != 1 || alerts[0].Key != "finding:b" {
			b.Errorf("got %+v, %v", alerts, err)
		}
		b.clock.Add(90000)
		if got := b.told(s, chat); got != "open: 1 RF102" {
			b.Errorf("told %q", got)
		}
	})
}

func TestAlertsAreNotWrittenByReaders(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.open()
		s, err := state.OpenToRead(b.Context(), b.address, b.options("ana"))
		must(b, err)
		defer s.Close()
		if err := s.RaiseAlerts(b.Context(), []rightful.Alert{standing("a", "RF102")}); rightful.KindOf(err) != rightful.KindForbidden {
			b.Errorf("got %v", err)
		}
		alerts, open, err := s.Alerts(b.Context(), 0, 10)
		channels, other := s.AlertChannels(b.Context())
		if err != nil || other != nil || alerts == nil || channels == nil || open != 0 {
			b.Errorf("got %v, %v, %v, %v", alerts, channels, err, other)
		}
	})
}

// sub is a bench of the same engine, with a state of its own.
func (b *bench) sub(t *testing.T) *bench {
	t.Helper()
	own := &bench{T: t, engine: b.engine, clock: newClock()}
	if b.engine == "postgres" {
		own.address = testserver.Postgres(t)
	} else {
		own.address = "sqlite:" + filepath.Join(t.TempDir(), "rightful.db")
	}
	return own
}
