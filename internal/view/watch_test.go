package view_test

import (
	"bytes"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/view"
)

// TestWatchedColumnsStand: whatever is long in a line, the columns of the next ones
// stand under each other, and ids are whole and by themselves.
func TestWatchedColumnsStand(t *testing.T) {
	t.Parallel()
	session := "cs_live_" + strings.Repeat("a", 58)
	uuid := "0b6d1f9e-5a3c-4d7e-9f10-2c4b6a8d0e13"
	var out bytes.Buffer
	p := &view.Printer{Out: &out}
	show := func(w gateway.Watched) string {
		t.Helper()
		out.Reset()
		if err := p.Watched(w); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), "\n") != 1 {
			t.Errorf("not one line: %q", out.String())
		}
		return out.String()
	}
	of := func(typ, id, company, user string, status rightful.InboxStatus) gateway.Watched {
		return gateway.Watched{At: 1_760_000_000, Type: typ, Object: rightful.Ref{ID: id}, CompanyID: &company, UserID: &user, Status: status}
	}
	short := of("customer.updated", "cus_1", "12", "9", rightful.InboxMine)
	long := of("checkout.session.async_payment_succeeded", session, uuid, uuid, rightful.InboxUnknown)
	long.Again, long.Superseded = true, true
	long.Findings = []gateway.WatchedFinding{{Code: rightful.CodeStampOther, Severity: rightful.SeverityError, Title: "wrong"}}

	first := show(short)
	if s := of("checkout.session.completed", session, "12", "9", rightful.InboxMine); strings.Index(show(s), session) != strings.Index(first, "cus_1") {
		t.Errorf("a session stands elsewhere than a customer:\n%s%s", first, out.String())
	}
	wide := show(long)
	if !strings.HasSuffix(wide, session+"  error RF103 wrong\n") {
		t.Errorf("the id is not whole: %q", wide)
	}
	endless := strings.Repeat("9", 500) // a stamp may hold anything
	of500 := of("customer.updated", "cus_1", endless, "9", rightful.InboxMine)
	show(of500)
	if after := show(short); strings.Index(after, "cus_1") != strings.Index(wide, session) || strings.Index(after, "user 9") != strings.Index(wide, "user "+uuid) {
		t.Errorf("after a long line:\n%s%s", wide, after)
	}
}
