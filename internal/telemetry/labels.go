package telemetry

import (
	"slices"
	"sync"

	"rightful"
	"rightful/gateway"
)

// other stands for every value that a label has no place for, and none for nothing.
const (
	other = "other"
	none  = "none"
)

// set is what a label may hold.
type set []string

// or returns the value if the label may hold it.
func (s set) or(value string) string {
	switch {
	case value == "":
		return none
	case slices.Contains(s, value):
		return value
	}
	return other
}

var (
	kinds = set{gateway.DecidedCompany, gateway.DecidedCustomer, gateway.DecidedCheckout, gateway.DecidedPortal, gateway.DecidedPayment, gateway.DecidedGuard, gateway.DecidedWebhook, gateway.DecidedHealing}
	// Of webhooks the disposition is the status.
	statuses = set{
		string(gateway.Valid), string(gateway.Processing), string(gateway.NotPaid), string(gateway.Expired), string(gateway.OtherCompany), string(gateway.CompanyGone),
		string(gateway.NoCompany), string(gateway.UnknownSession), string(gateway.UnknownObject), string(gateway.WrongMode), string(gateway.NeedsSignIn),
		string(gateway.CustomerRefused), "mine", "foreign", "ignored", "dead", "pending", "missed", "untold",
	}
	verdicts   = set{string(gateway.Allow), string(gateway.Refuse)}
	errorKinds = set{
		string(rightful.KindInvalid), string(rightful.KindNotFound), string(rightful.KindAmbiguous), string(rightful.KindUnreachable), string(rightful.KindUnauthorized),
		string(rightful.KindForbidden), string(rightful.KindUnavailable), string(rightful.KindUnsupported), string(rightful.KindConflict), string(rightful.KindUncertain),
		string(rightful.KindRefused), gateway.ErrorCalledOff, gateway.ErrorTimedOut, gateway.ErrorUnknown,
	}
	severities = set{string(rightful.SeverityError), string(rightful.SeverityWarning), string(rightful.SeverityInfo)}
	reasons    = set{RefusedSignature, RefusedTime, RefusedSize, RefusedBody, RefusedStore}
	results    = set{Sent, Failed, Dead}
	senders    = set{"slack", "teams", "pagerduty", "webhook", "email"}
	outcomes   = set{AuditComplete, AuditIncomplete, AuditRefused, AuditFailed}
	methods    = set{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	codes      = func() (s set) {
		for _, c := range rightful.Codes() {
			s = append(s, string(c.Code))
		}
		return s
	}()
)

// mostKnown is how many values a label may have whose set is not known before.
const mostKnown = 100

// known is such a label: the first values that come are kept.
type known struct {
	mu     sync.Mutex
	values map[string]bool // guarded by mu
}

func (k *known) or(value string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.values[value]:
		return value
	case len(k.values) >= mostKnown:
		return other
	case k.values == nil:
		k.values = map[string]bool{}
	}
	k.values[value] = true
	return value
}
