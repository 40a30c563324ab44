package alert

import (
	"context"
	"fmt"
	"slices"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert/send"
)

// quiet is after how many seconds without a further refusal an alert of refusals
// resolves.
const quiet = 3600

// Dispositions of webhook events that are worth an alert; see gateway.Decision.
const (
	eventUnknown gateway.Status = "unknown"
	eventDead    gateway.Status = "dead"
)

// OnDecision takes what a gateway decided. It does not block: what is worth an alert
// waits in a bounded queue for the next Tick, and is counted as dropped when that is
// full.
func (e *Evaluator) OnDecision(_ context.Context, d gateway.Decision) {
	a, worth := e.judge(d)
	if !worth {
		return
	}
	if a.At = d.At; a.At == 0 {
		a.At = e.o.Now().Unix()
	}
	a.Seen, a.Count = a.At, 1
	e.enqueue(a)
}

// OnCatchUp takes how many events were found in Stripe's list that were never
// delivered. It does not block either.
func (e *Evaluator) OnCatchUp(_ context.Context, found int, examples []rightful.Ref) {
	if found == 0 {
		return
	}
	now := e.o.Now().Unix()
	e.enqueue(rightful.Alert{
		Key: caughtUpKey, Kind: rightful.AlertDelivery, Severity: rightful.SeverityError, Title: "webhook events that Stripe did not deliver, and that were read from its list",
		IDs: named(examples...), At: now, Seen: now, Count: found, Quiet: quiet,
	})
}

// judge turns a decision into an alert, if it is worth one.
func (e *Evaluator) judge(d gateway.Decision) (rightful.Alert, bool) {
	a := rightful.Alert{Kind: rightful.AlertValidation, Quiet: quiet, IDs: refs(d)}
	for _, code := range d.Codes {
		a.Codes = append(a.Codes, rightful.Code(code))
	}
	switch d.Kind {
	case gateway.DecidedPayment, gateway.DecidedGuard:
		what, key := "payments", "validation:"
		if d.Kind == gateway.DecidedGuard {
			what, key = "ids sent by clients", "guard:"
		}
		if d.Error != "" {
			if !ours(d.Error) {
				return a, false
			}
			a.Key, a.Severity = key+"error", rightful.SeverityError
			a.Title = what + " that could not be judged"
			a.Message = "The last one failed: " + send.Clean(d.Error) + "."
			return a, true
		}
		severity, says := refusal(d.Status)
		a.Key, a.Severity, a.Title = key+send.Clean(string(d.Status)), severity, what+" "+says
		a.Message = fmt.Sprintf("The app was told: %s (enforced: %s).", send.Clean(string(d.Decision)), send.Clean(string(d.Enforced)))
		return a, severity != ""
	case gateway.DecidedWebhook:
		a.Kind = rightful.AlertDelivery
		switch d.Status {
		case eventDead:
			a.Key, a.Severity, a.Title = deadKey, rightful.SeverityError, deadTitle
			if e.o.Delivery != nil {
				a.Quiet = 0 // it is over when none is left
			}
			return a, true
		case eventUnknown:
			a.Key, a.Severity, a.Title = "delivery:unknown", rightful.SeverityInfo, "webhook events of which nobody can say yet whose they are"
			return a, true
		}
	}
	return a, false
}

// ours reports whether an error is the operator's business: what clients send wrong
// is not, nor whether they wait for the answer.
func ours(ended string) bool {
	return !slices.Contains([]string{string(rightful.KindInvalid), string(rightful.KindNotFound), string(rightful.KindAmbiguous), gateway.ErrorCalledOff}, ended)
}

// refusal returns how severe a status is, empty when it is part of every day, and
// says it.
func refusal(s gateway.Status) (rightful.Severity, string) {
	switch s {
	case gateway.Valid, gateway.Processing, gateway.NotPaid, gateway.Expired, gateway.NeedsSignIn, "":
		return "", ""
	case gateway.OtherCompany:
		return rightful.SeverityError, "of another company than the user's"
	case gateway.CompanyGone:
		return rightful.SeverityError, "of a company that is gone"
	case gateway.NoCompany:
		return rightful.SeverityWarning, "that belong to no company"
	case gateway.WrongMode:
		return rightful.SeverityWarning, "of the wrong mode"
	case gateway.UnknownSession, gateway.UnknownObject:
		return rightful.SeverityInfo, "that Stripe does not have, or that are another app's"
	}
	return rightful.SeverityWarning, "with the status " + send.Clean(string(s))
}

// refs names what a decision was about.
func refs(d gateway.Decision) []rightful.Ref {
	all := []rightful.Ref{
		{Type: string(rightful.TypeSession), ID: d.SessionID}, {Type: "event", ID: d.EventID}, d.Object,
		{Type: string(rightful.TypeCustomer), ID: d.StripeCustomerID}, {Type: rightful.RefCompany, ID: d.CompanyID}, {Type: rightful.RefUser, ID: d.UserID},
	}
	return named(all...)
}

// named returns those that have an id, each once, without what is nobody's business.
func named(all ...rightful.Ref) []rightful.Ref {
	ids := []rightful.Ref{}
	for _, r := range all {
		r = rightful.Ref{Type: send.Clean(r.Type), ID: send.Clean(r.ID)}
		if r.ID != "" && !slices.Contains(ids, r) && len(ids) < rightful.AlertIDs {
			ids = append(ids, r)
		}
	}
	return ids
}
