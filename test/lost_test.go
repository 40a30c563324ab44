package test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/journal"
	"rightful/stripesim"
)

// stamped are the stamps of a repair of the founding incident: the paths of the
// objects, and whether Stripe makes an event of it.
var stamped = []struct {
	path  string
	event bool
}{
	{"/v1/customers/cus_S1belaFirst001", true}, {"/v1/customers/cus_S2belaSecond02", true}, {"/v1/customers/cus_S3belaPaying03", true},
	{"/v1/checkout/sessions/cs_live_a1belaPaid00001", false}, {"/v1/subscriptions/sub_1RbelaActive01", true},
}

// TestStripeFailsAtEveryStamp: whatever Stripe answers to one stamp, and however
// often, the run says what is so, its other units go on, and when Stripe is well
// again the run is continued to its end with no stamp written twice.
func TestStripeFailsAtEveryStamp(t *testing.T) {
	t.Parallel()
	type lost struct {
		rule  stripesim.FaultRule
		state apply.State
		path  string
	}
	failures := map[string]lost{
		"500":                        {rule: stripesim.FaultRule{Status: 500}, state: apply.StateUncertain},
		"500 kept":                   {rule: stripesim.FaultRule{Status: 500, Kept: true}, state: apply.StateUncertain},
		"500 after the effect":       {rule: stripesim.FaultRule{Status: 500, AfterEffect: true}, state: apply.StateDone},
		"500 kept, after the effect": {rule: stripesim.FaultRule{Status: 500, AfterEffect: true, Kept: true}, state: apply.StateDone},
		"409":                        {rule: stripesim.FaultRule{Status: 409}, state: apply.StateUncertain},
		"409 after the effect":       {rule: stripesim.FaultRule{Status: 409, AfterEffect: true}, state: apply.StateDone},
		"a lock":                     {rule: stripesim.FaultRule{Status: 429}, state: apply.StateFailed},
		"no answer":                  {rule: stripesim.FaultRule{Then: stripesim.FaultDrop}, state: apply.StateUncertain},
		"no answer, after it":        {rule: stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true}, state: apply.StateDone},
		"a page of a gateway":        {rule: stripesim.FaultRule{Status: 502, Body: "<html>bad gateway"}, state: apply.StateUncertain},
		"a yes without effect":       {rule: stripesim.FaultRule{Then: stripesim.FaultLose}, state: apply.StateConflict},
	}
	cases := map[string]lost{}
	for name, f := range failures {
		for i, s := range stamped {
			if !thorough() && i != len(name)%len(stamped) {
				continue
			}
			f.path = s.path
			f.rule.Method, f.rule.Path, f.rule.Times = http.MethodPost, s.path, -1
			cases[fmt.Sprintf("%s at stamp %d", name, i+1)] = f
		}
	}
	together(t, cases, func(t *testing.T, f lost) {
		s := standOn(t, 0, "")
		before := s.objects(t)
		file := s.plans(t)
		if err := s.sim.Fault(f.rule); err != nil {
			t.Fatal(err)
		}
		code, a, errs := s.applies(t, file)
		object := f.path[strings.LastIndexByte(f.path, '/')+1:]
		if got := s.outcome(t, file, a, object); got.State != f.state {
			t.Errorf("the stamp is %s: %s", got.State, got.Why)
		}
		is := map[bool]string{true: "11", false: "4"}[f.state == apply.StateDone]
		if got := s.stamp(t, f.path); got != is {
			t.Errorf("the stamp is %q in Stripe, and the run says %s", got, f.state)
		}
		s.sim.ClearFaults()
		if f.state == apply.StateDone {
			if code != cli.ExitFindings || a.Run.Status != journal.StatusFinished {
				t.Errorf("exit code %d, %s, %s", code, a.Run.Status, errs)
			}
		} else {
			if code != cli.ExitPartly || a.Run.Status != journal.StatusPartly || a.states()[apply.StateDone] == 0 {
				t.Errorf("exit code %d, %s, %s, %v", code, a.Run.Status, errs, a.states())
			}
			code, a, errs = s.applies(t, "--continue", a.Run.ID)
			if code != cli.ExitFindings || a.Run.Status != journal.StatusFinished {
				t.Errorf("continued: exit code %d, %s, %s\n%+v", code, a.Run.Status, errs, a.Result.Outcomes)
			}
		}
		s.repairedOnce(t, before)
		s.wholeJournal(t)
		s.stands(t, a.Run.ID)
	})
}

// repairedOnce demands the whole repair of the founding incident, each stamp
// written once.
func (s *stand) repairedOnce(t *testing.T, before map[string]string) {
	t.Helper()
	if diff := cmp.Diff(repaired, stampsWritten(t, before, s.objects(t))); diff != "" {
		t.Errorf("stamps (-want +got):\n%s", diff)
	}
	if got := link(t, s.database, s.dsn); got != "cus_S3belaPaying03" {
		t.Errorf("company 11 links %q", got)
	}
	if slices.Contains(s.redis.Keys(), ":1:user_company_7") {
		t.Error("the wrong cache key is there still")
	}
	updates := s.updates(t)
	for _, o := range stamped {
		if id := o.path[strings.LastIndexByte(o.path, '/')+1:]; o.event && updates[id] != 1 {
			t.Errorf("%s was written %d times", id, updates[id])
		}
	}
}
