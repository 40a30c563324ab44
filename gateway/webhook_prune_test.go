package gateway_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"rightful"
)

const day = 24 * 60 * 60

// TestWhatIsLongPastIsForgotten: events 35 days after they came, and objects 400 days
// after they, or the families of customers, were heard of last; nothing before. What
// waits is not forgotten, however old.
func TestWhatIsLongPastIsForgotten(t *testing.T) {
	onEngines(t, func(t *testing.T, o *office) {
		driver := map[bool]string{true: "sqlite", false: "pgx"}[strings.HasPrefix(o.states, "sqlite:")]
		db, err := sql.Open(driver, strings.TrimPrefix(o.states, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		kept := func(table, column string) string {
			t.Helper()
			if err := o.Sweep(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			rows, err := db.QueryContext(t.Context(), "SELECT "+column+" FROM "+table+" ORDER BY "+column)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			ids := []string{}
			for rows.Next() {
				var id string
				if err := rows.Scan(&id); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
			}
			return fmt.Sprint(ids)
		}
		want := func(table, column, want string) {
			t.Helper()
			if got := kept(table, column); got != want {
				t.Errorf("of %s: got %s, want %s", table, got, want)
			}
		}
		const events, objects = "rightful_webhook_events", "rightful_webhook_objects"
		subscription := func(event string) {
			o.accept(fmt.Sprintf(`{"id":"%s","object":"event","type":"customer.subscription.updated","created":%d,"livemode":true,
				"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_Lives","status":"active","metadata":{},"livemode":true}}}`, event, o.clock().Unix()))
			o.judge()
		}
		o.accept(customerEvent(o, "evt_1", "cus_Lives", `"company_id":"11","app":"ledgerly"`, ""))
		o.accept(customerEvent(o, "evt_2", "cus_Rests", `"company_id":"11","app":"ledgerly"`, ""))
		o.judge()
		o.later(35*day - 1)
		o.accept(customerEvent(o, "evt_3", "cus_Waits", `"company_id":"11","app":"ledgerly"`, ""))
		want(events, "id", "[evt_1 evt_2 evt_3]")
		o.later(2)
		want(events, "id", "[evt_3]")
		o.later(300 * day)
		want(events, "id", "[evt_3]") // nobody has judged it
		subscription("evt_4")
		o.later(65*day - 2)
		want(objects, "id", "[cus_Lives cus_Rests cus_Waits sub_1]")
		o.later(2)
		want(objects, "id", "[cus_Lives cus_Waits sub_1]")

		// The customer says whose the subscription is, long after it was heard of itself.
		o.toldNotices()
		subscription("evt_5")
		if got := fmt.Sprint(o.toldNotices()); got != "[11 customer.subscription.updated sub_1]" {
			t.Errorf("told %s", got)
		}
		o.later(400*day + 1)
		want(objects, "id", "[]")
		want(events, "id", "[]")
	})
}

// TestForgettingGoesOnInSlices: a million rows are not one transaction.
func TestForgettingGoesOnInSlices(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	until := o.clock().Unix() + 60
	if taken, err := o.store.TakeShard(t.Context(), rightful.LaneJudge, 3, "a", until); !taken || err != nil {
		t.Fatal(taken, err)
	}
	var objects []rightful.InboxObject
	for n := range 3500 {
		objects = append(objects, rightful.InboxObject{Livemode: true, Type: "invoice", ID: fmt.Sprintf("in_%04d", n), Family: "cus_1", Snapshot: "{}", SeenAt: int64(n)})
	}
	if err := o.store.SettleEvents(t.Context(), 3, "a", until, nil, objects); err != nil {
		t.Fatal(err)
	}
	if n, err := o.store.PruneObjects(t.Context(), 3000, 1500); n != 1500 || err != nil {
		t.Errorf("%d are forgotten, %v", n, err)
	}
	if err := o.Sweep(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	left, err := o.store.InboxObjects(t.Context(), true, []string{"cus_1"}, nil)
	if len(left) != 0 || err != nil {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
