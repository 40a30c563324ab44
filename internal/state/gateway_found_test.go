package state_test

import (
	"fmt"
	"slices"
	"testing"

	"rightful"
)

// TestWhatTheGatewayFindsNoMoreIsResolved: that was born there, and was not seen since.
func TestWhatTheGatewayFindsNoMoreIsResolved(t *testing.T) {
	onBoth(t, func(b *bench) {
		s, ctx := b.open(), b.Context()
		note := func(at int64, ids ...string) int {
			var all []rightful.Finding
			for _, id := range ids {
				f := found(id)
				f.Family = "cus_1"
				all = append(all, f)
			}
			opened, err := s.NoteFindings(ctx, at, all)
			must(b, err)
			return len(opened)
		}
		resolve := func(at int64, ids ...string) int {
			n, err := s.ResolveNoted(ctx, at, ids)
			must(b, err)
			return n
		}
		b.record(s, audited(began, found("RF401-audited")))
		note(began+10, "RF401-a", "RF401-b")
		open, err := s.Findings(ctx, rightful.FindingQuery{Born: rightful.BornInGateway, Family: "cus_1"})
		must(b, err)
		if len(open) != 2 {
			b.Errorf("of the family: %+v", open)
		}
		if n := resolve(began+9, "RF401-a"); n != 0 {
			b.Error("it was seen after that")
		}
		if n := resolve(began+20, "RF401-a", "RF401-audited", "RF401-nobody"); n != 1 {
			b.Errorf("%d resolved", n)
		}
		f, err := s.FindingByID(ctx, "RF401-a")
		must(b, err)
		if f.ResolvedAt != began+20 || f.ResolvedBy != "" || f.ResolvedBecause != rightful.ResolvedGone {
			b.Errorf("%+v", f)
		}
		if note(began+15, "RF401-a") != 0 || note(began+30, "RF401-a") != 1 {
			b.Error("it comes back when it is seen later, and not before")
		}
		// What somebody accepted is not opened again by the gateway.
		accepted := audited(began + 40)
		accepted.Accepted = []string{"RF401-a"}
		b.record(s, accepted)
		if note(began+50, "RF401-a") != 0 {
			b.Error("what is accepted was opened")
		}
	})
}

// TestWhatWaitsIsCounted: what waits, and what was given up, in each engine; and dead
// events come along with a new one of their family.
func TestWhatWaitsIsCounted(t *testing.T) {
	onBoth(t, func(b *bench) {
		s, ctx := b.open(), b.Context()
		event := func(n int, status rightful.InboxStatus) rightful.InboxEvent {
			return rightful.InboxEvent{
				Account: "acct_1", ID: fmt.Sprintf("evt_%d", n), Type: "customer.updated", Created: began, Origin: rightful.OriginDelivered, ObjectType: rightful.TypeCustomer,
				ObjectID: "cus_1", Family: "cus_1", Shard: 3, Payload: "{}", ReceivedAt: began + int64(n), NextAt: began, Status: status,
			}
		}
		_, err := s.AcceptEvents(ctx, []rightful.InboxEvent{
			event(1, rightful.InboxPending), event(2, rightful.InboxPending), event(3, rightful.InboxPending), event(4, rightful.InboxPending), event(5, rightful.InboxForeign),
		})
		must(b, err)
		if n, err := s.CountEvents(ctx, 0); err != nil || n.Pending != 4 || n.OldestPending != began+1 || n.Unknown+n.Dead+n.Untold+n.Waiting != 0 {
			b.Errorf("%+v, %v", n, err)
		}
		taken, err := s.TakeShard(ctx, rightful.LaneJudge, 3, "w", began+1000)
		must(b, err)
		open, err := s.OpenEvents(ctx, 3, 10, nil)
		must(b, err)
		if !taken || len(open) != 4 {
			b.Fatalf("taken %v, %d open", taken, len(open))
		}
		open[0].Status, open[0].JudgedAt = rightful.InboxDead, began+100
		open[1].Status, open[1].NextAt = rightful.InboxUnknown, began+1_000_000_000
		open[2].Status, open[2].Notice, open[2].JudgedAt = rightful.InboxMine, rightful.NoticeWaiting, began+100
		open[3].Status, open[3].Notice, open[3].JudgedAt = rightful.InboxMine, rightful.NoticeDead, began+100
		must(b, s.SettleEvents(ctx, 3, "w", began+1000, open, nil))
		n, err := s.CountEvents(ctx, began+100)
		must(b, err)
		ids := []rightful.Ref{{Type: "event", ID: "evt_1"}, {Type: "customer", ID: "cus_1"}}
		if n.Pending != 0 || n.OldestPending != 0 || n.Unknown != 1 || n.Waiting != 1 || n.Dead != 1 || n.Untold != 1 || !slices.Equal(n.DeadIDs, ids) {
			b.Errorf("%+v", n)
		}
		if n, err := s.CountEvents(ctx, began+101); err != nil || n.Dead != 0 || n.Untold != 0 || n.Waiting != 1 {
			b.Errorf("of later: %+v, %v", n, err)
		}
		if open, err = s.OpenEvents(ctx, 3, 10, nil); err != nil || len(open) != 0 {
			b.Errorf("nothing is due: %+v, %v", open, err)
		}
		_, err = s.AcceptEvents(ctx, []rightful.InboxEvent{event(6, rightful.InboxPending)})
		must(b, err)
		open, err = s.OpenEvents(ctx, 3, 10, nil)
		must(b, err)
		var along []string
		for _, e := range open {
			along = append(along, e.ID)
		}
		if !slices.Equal(along, []string{"evt_1", "evt_2", "evt_6"}) {
			b.Errorf("with a new one come %v", along)
		}
	})
}
