package gateway_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rightful"
)

// TestALockedDatabaseAnswersInTime: another process keeps the file of the state to
// itself. Each request is answered 503 within its own time, whoever was before it, and
// when the file is free again events are kept.
func TestALockedDatabaseAnswersInTime(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	db, err := sql.Open("sqlite", strings.TrimPrefix(o.states, "sqlite:")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const within = 300 * time.Millisecond
	o.AcceptWithin(within)
	began := time.Now()
	answers := make(chan error, 3)
	for n := range 3 {
		body := customerEvent(o, fmt.Sprint("evt_", n), "cus_1", `"company_id":"11","app":"ledgerly"`, "")
		go func() {
			answers <- o.Accept(t.Context(), []byte(body), signed(officeSecret, body, o.clock().Unix()))
		}()
	}
	for range 3 {
		if err := <-answers; rightful.KindOf(err) != rightful.KindUnavailable && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	}
	if took := time.Since(began); took > 10*within {
		t.Errorf("the last one was answered after %v", took)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	body := customerEvent(o, "evt_after", "cus_1", `"company_id":"11","app":"ledgerly"`, "")
	for t.Context().Err() == nil { // Stripe sends it again
		if err = o.Accept(t.Context(), []byte(body), signed(officeSecret, body, o.clock().Unix())); err == nil {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
}
