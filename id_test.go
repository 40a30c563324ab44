package rightful_test

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"rightful"
)

func TestSameID(t *testing.T) {
	t.Parallel()
	const uuid = "0B8F8C2E-1234-4ABC-8DEF-0123456789AB"
	tests := []struct {
		a, b string
		same bool
	}{
		{"4", "4", true},
		{"4", "04", false},
		{"4", "+4", false},
		{"4", " 4", false},
		{"4", "4abc", false},
		{"4", "4.0", false},
		{"", "", false},
		{"", "4", false},
		{"Acme", "acme", false}, // text ids keep their case
		{uuid, "0b8f8c2e-1234-4abc-8def-0123456789ab", true},
		{uuid, "0b8f8c2e12344abc8def0123456789ab", false},
		{uuid[:35] + "G", "0b8f8c2e-1234-4abc-8def-0123456789ag", false},
		{"🦆", "🦆", true},
	}
	for _, tt := range tests {
		if got := rightful.SameID(tt.a, tt.b); got != tt.same {
			t.Errorf("SameID(%q, %q) = %v", tt.a, tt.b, got)
		}
		if got := rightful.SameID(tt.b, tt.a); got != tt.same {
			t.Errorf("SameID(%q, %q) = %v", tt.b, tt.a, got)
		}
	}
}

// TestIsNumericID: exactly the texts that a number prints as are numbers.
func TestIsNumericID(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.StringMatching(`[0-9+\- a]{0,6}`), rapid.String()).Draw(t, "id")
		n, err := strconv.ParseUint(id, 10, 64)
		want := err == nil && strconv.FormatUint(n, 10) == id
		if got := rightful.IsNumericID(id); got != want {
			t.Fatalf("IsNumericID(%q) = %v, want %v", id, got, want)
		}
	})
}

func TestMembershipActiveAt(t *testing.T) {
	t.Parallel()
	const joined, left, day = 1_000_000, 2_000_000, 24 * 60 * 60
	m := rightful.Membership{UserID: "7", CompanyID: "11", JoinedAt: joined, LeftAt: left}
	for at, want := range map[int64]bool{
		joined:           true,
		joined - day:     true, // sign-up flows write in either order
		joined - day - 1: false,
		left - 1:         true,
		left:             false, // no tolerance after leaving
	} {
		if got := m.ActiveAt(at); got != want {
			t.Errorf("ActiveAt(%d) = %v", at, got)
		}
	}
	if !(rightful.Membership{}).ActiveAt(0) {
		t.Error("a membership without times is always active")
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]bool{
		"active": true, "trialing": true, "past_due": true, "unpaid": true, "paused": true,
		"incomplete": false, "incomplete_expired": false, "canceled": false, "": false, "a_status_of_next_year": false,
	} {
		o := rightful.Object{Type: rightful.TypeSubscription, Status: status}
		if got := o.LiveSubscription(); got != want {
			t.Errorf("%q live = %v", status, got)
		}
	}
	if (rightful.Object{Type: rightful.TypePaymentIntent, Status: "active"}).LiveSubscription() {
		t.Error("only subscriptions are live")
	}
	session := rightful.Object{Type: rightful.TypeSession, Status: "open", PaymentStatus: "no_payment_required"}
	if session.SettledSession() {
		t.Error("a session that is still open settled nothing")
	}
}
