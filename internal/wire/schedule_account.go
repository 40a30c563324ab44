package wire

import (
	"context"
	"sync"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/schedule"
	"rightful/internal/source/stripeapi"
)

// scheduledAccount is one account of a schedule, as this process takes part in it.
type scheduledAccount struct {
	*scheduling
	config *config.Config      // of this account
	stripe *stripeapi.Reader   // whose pace is shared with others
	others []*stripeapi.Reader // of the config's other accounts, as config has them
	node   string              // this process

	mu      sync.Mutex
	account rightful.Account   // guarded by mu
	open    bool               // guarded by mu: the account is known
	checked bool               // guarded by mu: by what Stripe says, and not only by the config
	share   rightful.NodeShare // guarded by mu
	until   time.Time          // guarded by mu: for how long the share stands
	holds   int                // guarded by mu: leases of the account
}

func (a *scheduledAccount) known() (rightful.Account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.account, a.open
}

// run registers what runs, and tells the others of this process, until the context ends.
func (a *scheduledAccount) run(ctx context.Context) {
	if !a.register(ctx) {
		return
	}
	own, _ := a.known()
	for {
		changed := a.beat(ctx, own)
		wait := a.tasks.LeaseFor / 6
		switch {
		case changed: // the others wait until they are told
			wait = 0
		case !a.room():
			wait = min(wait, time.Second)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = a.state.LeaveNode(gone, own.ID, own.Livemode, a.node) // else it is missed after a while
			return
		}
	}
}

// registerAgain is how long after a failure it is tried again.
const registerAgain = 5 * time.Second

// register finds out which account it is, and keeps what runs. It returns false when the
// context ended.
func (a *scheduledAccount) register(ctx context.Context) bool {
	for {
		err := a.registerOnce(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		a.log.Error("nothing of the schedule runs", "error", err.Error())
		select {
		case <-ctx.Done():
			return false
		case <-time.After(registerAgain):
		}
	}
}

func (a *scheduledAccount) registerOnce(ctx context.Context) error {
	own, checked, err := a.which(ctx)
	if err != nil {
		return err
	}
	now, queue := a.now(), queueOf(own)
	var tasks []rightful.Scheduled
	for t, rule := range a.config.Schedule.Rules() {
		tasks = append(tasks, rightful.Scheduled{TaskKey: rightful.TaskKey{Task: t, Account: own.ID, Livemode: own.Livemode}, Rule: rule.String(), Queue: queue, DueAt: rule.First(now).Unix()})
	}
	if err := a.state.Register(ctx, tasks); err != nil {
		return err
	}
	a.mu.Lock()
	a.account, a.open, a.checked = own, true, checked
	a.mu.Unlock()
	a.afford(ctx)
	return a.join(queue) // only now: a job of it finds the account
}

// which returns the account. What the config says stands until the first run, which
// compares it with what Stripe says: the schedule of others is not to wait for that.
func (a *scheduledAccount) which(ctx context.Context) (own rightful.Account, checked bool, err error) {
	at := a.config.Stripe[0]
	live, known := a.stripe.Mode()
	if at.Livemode != nil {
		live, known = *at.Livemode, true
	}
	if at.Account != "" && known {
		return rightful.Account{ID: at.Account, Livemode: live, LivemodeKnown: true}, false, nil
	}
	own, err = a.stripe.Account(ctx)
	switch {
	case err != nil:
		return own, false, err
	case at.Account != "" && own.ID != at.Account, at.Livemode != nil && own.Livemode != *at.Livemode:
		return own, false, &rightful.Error{Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe.key", Message: "the key opens another account or mode than the config expects"}
	case own.ID == "":
		return own, false, &rightful.Error{Kind: rightful.KindForbidden, Place: "stripe.key", Message: "the key may not read which account it opens, and a schedule is kept by accounts", Hint: "give the restricted key read access to the account"}
	}
	return own, true, nil
}

// reader returns Stripe as a run asks it. Once the account was compared, it is not asked
// for again.
func (a *scheduledAccount) reader() rightful.StripeReader {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.others) > 0: // what this account lacks may be in another
		return amongOthers(a.stripe, a.config.Stripe[1:], a.others)
	case a.checked:
		return knownAccount{a.stripe, a.account}
	}
	return a.stripe
}

// compared notes that a run was not refused for its account.
func (a *scheduledAccount) compared() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checked = true
}

// afford stops audits and syncs that turned out to cost more than Stripe allows. What is
// asked by the gateway goes on: a process that did not start for that would take payments
// down.
func (a *scheduledAccount) afford(ctx context.Context) {
	all, err := a.state.Schedules(ctx)
	if err != nil {
		return // the next run tells
	}
	account, _ := a.known()
	own := all[:0]
	for _, k := range all {
		if k.Account == account.ID && k.Livemode == account.Livemode {
			own = append(own, k)
		}
	}
	over := schedule.Exceeds(costs(a.config, own), a.config.Schedule.Reads(), a.now())
	if over == "" {
		return
	}
	for _, k := range own {
		if k.Refused != "" {
			continue
		}
		a.log.Error("the schedule would exceed what Stripe allows, and does not run any more", "task", string(k.Task), "account", k.Account, "because", over)
		if err := a.state.RefuseTask(ctx, k.TaskKey, over); err != nil {
			a.log.Error("that the schedule is refused could not be kept", "error", err.Error())
		}
	}
}

// beat tells the others that this process is there, and takes its share of the pace. It
// reports whether the others do not know yet what it takes.
func (a *scheduledAccount) beat(ctx context.Context, own rightful.Account) (changed bool) {
	a.mu.Lock()
	divides := int64(a.share.Nodes)
	if divides == 0 || !a.now().Before(a.until) {
		divides = nothing
	}
	a.mu.Unlock()
	asked, length := a.now(), a.tasks.LeaseFor
	bounded, cancel := context.WithTimeout(ctx, length/3)
	share, err := a.state.BeatNode(bounded, own.ID, own.Livemode, a.node, divides, int64(length/time.Second))
	cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.share, a.until = share, asked.Add(length*5/6)
		time.AfterFunc(length*5/6, a.expire)
	} else if ctx.Err() == nil {
		a.log.Warn("the state does not answer, so others may take what this process has of Stripe's pace", "account", own.ID, "error", err.Error())
	}
	a.divide()
	return err == nil && share.Room && divides != int64(share.Nodes)
}

// room reports whether this process has its share.
func (a *scheduledAccount) room() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.share.Room && a.now().Before(a.until)
}

// nothing is by how many a process divides that takes nothing yet.
const nothing = 1 << 30

// expire takes back the share when the state has not answered for too long.
func (a *scheduledAccount) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.divide()
}

// background is the part of the pace that is kept for whoever has the account's lease,
// when there is more than one process. The rest is divided.
const background = 0.5

// divide sets the pace of this process.
func (a *scheduledAccount) divide() {
	part, kept := 0.0, 0.0 // it is not known who else asks, or the others have not made room
	switch {
	case !a.now().Before(a.until):
	case a.share.Nodes == 1:
		part = 1
	case a.share.Room:
		part = (1 - background) / float64(a.share.Nodes)
		if a.holds > 0 {
			kept = background
		}
	}
	a.stripe.Share(part, kept)
}

// holding counts leases of the account that this process has.
func (a *scheduledAccount) holding(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holds += n
	a.divide()
}
