package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/telemetry"
)

// TestEveryWordOfADecisionIsCounted: each status that a decision may have, of what it is
// about, and each word for what ended it, is a value of its label.
func TestEveryWordOfADecisionIsCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.New(telemetry.Options{})
	statuses := []string{
		string(gateway.Valid), string(gateway.Processing), string(gateway.NotPaid), string(gateway.Expired), string(gateway.OtherCompany), string(gateway.CompanyGone),
		string(gateway.NoCompany), string(gateway.UnknownSession), string(gateway.UnknownObject), string(gateway.WrongMode), string(gateway.NeedsSignIn), string(gateway.CustomerRefused),
		string(rightful.InboxPending), string(rightful.InboxMine), string(rightful.InboxForeign), string(rightful.InboxUnknown), string(rightful.InboxIgnored), string(rightful.InboxDead),
		"missed", "untold",
	}
	for _, status := range statuses {
		m.Decided(t.Context(), gateway.Decision{Kind: gateway.DecidedWebhook, Status: gateway.Status(status)})
	}
	for _, ended := range []string{gateway.ErrorCalledOff, gateway.ErrorTimedOut, gateway.ErrorUnknown, string(rightful.KindRefused)} {
		m.Decided(t.Context(), gateway.Decision{Kind: gateway.DecidedPayment, Error: ended})
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.SplitSeq(w.Body.String(), "\n") {
		if strings.HasPrefix(line, "rightful_decision") && strings.Contains(line, `="other"`) {
			t.Errorf("%s", line)
		}
	}
}
