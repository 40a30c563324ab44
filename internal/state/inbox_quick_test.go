package state_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"rightful"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// busyInbox is a store on PostgreSQL where a job is queued for the shard already.
func busyInbox(t *testing.T, behind string) *state.Store {
	t.Helper()
	address := testserver.Postgres(t)
	open := func() *state.Store {
		s, err := state.Open(t.Context(), address, state.Options{Now: func() time.Time { return time.Unix(1000, 0) }})
		must(t, err)
		t.Cleanup(func() { s.Close() })
		s.SetWaker(func(context.Context, state.Tx, []state.Wake) error { return nil })
		return s
	}
	s := open()
	accepted(t, s, "evt_first")
	if behind != "" {
		_, err := s.DB().ExecContext(t.Context(), fmt.Sprintf(behind, scanOne[string](t, s.DB(), `SELECT current_database()`)))
		must(t, err)
		s = open()
	}
	return s
}

func accepted(t *testing.T, s *state.Store, ids ...string) []bool {
	t.Helper()
	fresh, err := s.AcceptEvents(t.Context(), pending(ids...))
	must(t, err)
	return fresh
}

func pending(ids ...string) []rightful.InboxEvent {
	var events []rightful.InboxEvent
	for _, id := range ids {
		events = append(events, rightful.InboxEvent{Account: "acct_1", ID: id, Type: "customer.updated", Created: 900, Origin: rightful.OriginDelivered,
			ObjectType: rightful.TypeCustomer, ObjectID: "cus_1", Family: "cus_1", Shard: 3, ReceivedAt: 1000, Status: rightful.InboxPending, Codes: []string{"RF101", "RF102"}})
	}
	return events
}

// TestNobodyTakesAShardFromUnderWhoAccepts: a job that is queued is relied on only while
// nobody can have begun with it.
func TestNobodyTakesAShardFromUnderWhoAccepts(t *testing.T) {
	t.Parallel()
	s := busyInbox(t, "")
	// Somebody is about to insert the same event: who accepts it waits.
	other, err := s.DB().BeginTx(t.Context(), nil)
	must(t, err)
	defer func() { _ = other.Rollback() }()
	_, err = other.ExecContext(t.Context(), `INSERT INTO rightful_webhook_events (account, livemode, id, type, created, origin, object_type, object_id, family, shard, payload, received_at, status, next_at)
		VALUES ('acct_1', false, 'evt_second', '', 0, '', '', '', '', 3, '', 0, 'ignored', 0)`)
	must(t, err)
	waiting := func(want int) {
		t.Helper()
		for scanOne[int](t, s.DB(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) < want {
			if err := t.Context().Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := make(chan error, 1)
	go func() {
		_, err := s.AcceptEvents(t.Context(), pending("evt_second"))
		kept <- err
	}()
	waiting(1)
	taken := make(chan error, 1)
	go func() {
		_, err := s.TakeShard(t.Context(), rightful.LaneJudge, 3, "worker", 1060)
		taken <- err
	}()
	select {
	case err := <-taken:
		t.Fatalf("the shard was taken while an event was accepted: %v", err)
	case <-waitingToo(func() { waiting(2) }):
	}
	must(t, other.Rollback())
	must(t, <-kept)
	must(t, <-taken)
	events, err := s.OpenEvents(t.Context(), 3, 10, nil)
	must(t, err)
	if len(events) != 2 || events[1].ID != "evt_second" || fmt.Sprint(events[1].Codes) != "[RF101 RF102]" {
		t.Errorf("the worker sees %+v", events)
	}
}

func waitingToo(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return done
}

// TestQuicklyIsAsDurable: what is accepted in one statement outlives a crash of the
// machine too, whatever the database's own setting.
func TestQuicklyIsAsDurable(t *testing.T) {
	t.Parallel()
	s := busyInbox(t, `ALTER DATABASE %s SET synchronous_commit = off`)
	for _, statement := range []string{
		`CREATE TABLE seen (setting text, statement text)`,
		`CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit'), current_query()); RETURN NEW; END $$`,
		`CREATE TRIGGER see BEFORE INSERT ON rightful_webhook_events FOR EACH ROW EXECUTE FUNCTION see()`,
	} {
		_, err := s.DB().ExecContext(t.Context(), statement)
		must(t, err)
	}
	if fresh := accepted(t, s, "evt_first", "evt_second", "evt_second"); fmt.Sprint(fresh) != "[false true false]" {
		t.Errorf("new are %v", fresh)
	}
	if got := scanOne[string](t, s.DB(), `SELECT string_agg(DISTINCT setting || ' ' || (statement LIKE 'WITH %'), ', ') FROM seen`); got != "on true" {
		t.Errorf("got %s", got)
	}
}

// TestAStricterServerIsNoHindrance: where transactions are serializable unless told
// otherwise, those that meet fail instead of waiting.
func TestAStricterServerIsNoHindrance(t *testing.T) {
	t.Parallel()
	s := busyInbox(t, `ALTER DATABASE %s SET default_transaction_isolation = serializable`)
	done := make(chan error)
	const many = 4
	for n := range many {
		go func() {
			for i := range 25 {
				if _, err := s.AcceptEvents(t.Context(), pending(fmt.Sprintf("evt_%d_%d", n, i))); err != nil {
					done <- err
					return
				}
				if _, err := s.TakeShard(t.Context(), rightful.LaneJudge, 3, "worker", 1060); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range many {
		must(t, <-done)
	}
	if n := scanOne[int](t, s.DB(), `SELECT count(*) FROM rightful_webhook_events`); n != 1+many*25 {
		t.Errorf("%d are kept", n)
	}
}

// TestNobodyWaitsInACircle: two nodes that take the same events, each in another order,
// both take them.
func TestNobodyWaitsInACircle(t *testing.T) {
	t.Parallel()
	s := busyInbox(t, "")
	done := make(chan error)
	const nodes, rounds, each = 2, 20, 200
	for node := range nodes {
		go func() {
			for round := range rounds {
				var ids []string
				for i := range each {
					ids = append(ids, fmt.Sprintf("evt_%d_%03d", round, i))
				}
				if node == 0 {
					slices.Reverse(ids)
				}
				if _, err := s.AcceptEvents(t.Context(), pending(ids...)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range nodes {
		must(t, <-done)
	}
	if n := scanOne[int](t, s.DB(), `SELECT count(*) FROM rightful_webhook_events`); n != 1+rounds*each {
		t.Errorf("%d are kept", n)
	}
}
