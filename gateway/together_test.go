package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"rightful/stripesim"
)

// engines are where the app's database and the intents are kept.
var engines = []string{"sqlite", "postgres"}

// crowd lets several processes buy for one company at the same time, and checks that
// there is one customer, and one session of each wish.
func crowd(t *testing.T, p *premises, processes int, each job, mayFail bool) {
	t.Helper()
	var workers []*worker
	for range processes {
		workers = append(workers, p.hire(each))
	}
	for _, w := range workers {
		w.begin()
	}
	failed := 0
	sessions, created := map[int]map[string]int{}, 0
	made := p.one(t, func() {
		for _, w := range workers {
			answers, killed := w.end(t)
			if killed || len(answers) != each.Customers+each.Checkouts*each.Wishes {
				t.Fatalf("killed %v, %d answers", killed, len(answers))
			}
			for _, a := range answers {
				if a.Error != "" {
					failed++
					if !mayFail {
						t.Error(a.Error)
					}
					continue
				}
				if a.Created {
					created++
				}
				if a.Wish >= 0 {
					if sessions[a.Wish] == nil {
						sessions[a.Wish] = map[string]int{}
					}
					sessions[a.Wish][a.Session]++
				}
				if got := p.link(11); got != a.Customer {
					t.Errorf("answered with %s, and company 11 links %s", a.Customer, got)
				}
			}
		}
	})
	for wish := range each.Wishes {
		if len(sessions[wish]) != 1 {
			t.Errorf("wish %d led to %v", wish, sessions[wish])
		}
	}
	if got := p.all("/v1/checkout/sessions"); len(got) != each.Wishes {
		t.Errorf("sessions %v, want %d", got, each.Wishes)
	}
	t.Logf("%d processes, %d calls: customer %s, %d said that they made it, %d failed, %d requests to Stripe", processes, processes*(each.Customers+each.Checkouts*each.Wishes), made, created, failed, p.sim.Counts().Total)
}

// one checks, after something was done, that Stripe has one customer and that the
// company links it.
func (p *premises) one(t *testing.T, done func()) string {
	t.Helper()
	done()
	all := p.all("/v1/customers")
	if len(all) != 1 {
		t.Fatalf("customers %v, want one", all)
	}
	if got := p.link(11); got != all[0] {
		t.Errorf("company 11 links %s, want %s", got, all[0])
	}
	if got := p.metadata("/v1/customers/" + all[0]); got != "app=ledgerly company_id=11" {
		t.Errorf("%s is stamped %s", all[0], got)
	}
	return all[0]
}

// TestTwoHundredAtOnce: from several processes, on each engine.
func TestTwoHundredAtOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			crowd(t, shop(t, setup{engine: engine}), 4, job{Customers: 20, Checkouts: 15, Wishes: 2}, false)
		})
	}
}

// TestTwoHundredAtOnceWhileStripeFails in each way that leaves one in doubt.
func TestTwoHundredAtOnceWhileStripeFails(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		for _, f := range []struct {
			name    string
			rule    stripesim.FaultRule
			mayFail bool
		}{
			{"500 without effect", stripesim.FaultRule{Status: 500, Times: 2}, false},
			{"500 after the effect", stripesim.FaultRule{Status: 500, AfterEffect: true, Times: 2}, false},
			{"500 that is kept", stripesim.FaultRule{Status: 500, AfterEffect: true, Kept: true}, true},
			{"no answer", stripesim.FaultRule{Then: stripesim.FaultDrop, Times: 3}, false},
			{"no answer after the effect", stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true, Times: 3}, false},
			{"a lock", stripesim.FaultRule{Status: 429, Times: 3}, false},
			{"the rate", stripesim.FaultRule{Status: 429, Reason: "endpoint-rate", Times: 5}, false},
			{"slow", stripesim.FaultRule{Delay: 100 * time.Millisecond, Times: 4}, false},
		} {
			t.Run(engine+", "+f.name, func(t *testing.T) {
				t.Parallel()
				p := shop(t, setup{engine: engine})
				for _, operation := range []string{"customers.create", "checkout_sessions.create"} {
					if f.rule.Kept && operation != "customers.create" {
						continue
					}
					rule := f.rule
					rule.Operation = operation
					p.fault(rule)
				}
				crowd(t, p, 2, job{Customers: 6, Checkouts: 6, Wishes: 1}, f.mayFail)
			})
		}
	}
}

// TestKilledAnywhere: a process that dies at any moment between its calls leaves
// nothing that the next one does not finish.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at++ {
				if at > 50 {
					t.Fatal("the process does not get to its end")
				}
				finished, skipped := false, true
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					p := shop(t, setup{engine: engine})
					skipped = false
					p.one(t, func() {
						w := p.hire(job{Checkouts: 1, Wishes: 1, DieAt: at})
						w.begin()
						_, killed := w.end(t)
						finished = !killed
						next := p.hire(job{Checkouts: 1, Wishes: 1, Customers: 1})
						next.begin()
						answers, _ := next.end(t)
						for _, a := range answers {
							if a.Error != "" {
								t.Error(a.Error)
							}
						}
					})
					if got := p.all("/v1/checkout/sessions"); len(got) != 1 {
						t.Errorf("sessions %v, want one", got)
					}
				})
				if skipped || t.Failed() {
					break
				}
				if finished {
					t.Logf("killed at %d moments", at-1)
					break
				}
			}
		})
	}
}
