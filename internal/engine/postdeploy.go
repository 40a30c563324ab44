package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/judge"
)

// PostdeployInput says what a deployment is checked for.
type PostdeployInput struct {
	Sample int      // how many users are compared
	All    bool     // every user is
	Seed   uint64   // the same seed picks the same users of the same database
	Users  []string // ids of users that are compared in any case

	ExpectRevision string        // empty: what the config expects, if anything
	Wait           time.Duration // how long to wait for that revision; 0: it is asked once
	Webhook        *WebhookInput // nil: no webhook is sent
	Checkout       *CheckoutInput

	// Now and Sleep replace the clock in tests. Sleep returns early, with its error,
	// when the context ends.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Postdeploy is what a deployment was found to do.
type Postdeploy struct {
	Agrees            bool               `json:"agrees"` // everything that was compared agrees
	Complete          bool               `json:"complete"`
	IncompleteBecause []string           `json:"incomplete_because"`
	Refused           *Refusal           `json:"refused"`
	Account           string             `json:"account"`
	Livemode          bool               `json:"livemode"`
	Now               int64              `json:"now"`
	Revision          *RevisionCheck     `json:"revision"` // nil: nobody expects one, and the app does not tell
	Users             UsersChecked       `json:"users"`
	Disagreements     []Disagreement     `json:"disagreements"`
	Webhook           *WebhookReport     `json:"webhook"`  // nil: none was sent
	Checkout          *CheckoutReport    `json:"checkout"` // nil: none was made
	Findings          []rightful.Finding `json:"findings"`
	Known
	Counts Counts `json:"counts"`
	Next   string `json:"next"` // the one command to run next, or what to do
}

// RevisionCheck compares what is deployed with what is expected.
type RevisionCheck struct {
	Expected *string `json:"expected"` // nil: none is expected
	Seen     *string `json:"seen"`     // nil: the app did not tell
	OK       bool    `json:"ok"`
	Asked    int     `json:"asked"`  // how often
	Waited   int64   `json:"waited"` // seconds until the last answer
	// Changed tells that the app answered the expected revision, and another one
	// after the users were asked: both are running.
	Changed bool `json:"changed"`
}

// UsersChecked counts the users that were compared.
type UsersChecked struct {
	Known      int    `json:"known"` // active users in the database
	All        bool   `json:"all"`
	Seed       uint64 `json:"seed"`
	Checked    int    `json:"checked"`
	Agree      int    `json:"agree"`
	Disagree   int    `json:"disagree"`
	Unanswered int    `json:"unanswered"` // the running app did not answer for them, and nothing else is wrong
	NoApp      bool   `json:"no_app"`     // no running app was asked: what agrees are the ways in the database
	Unasked    int    `json:"unasked"`    // the world has no answer of the app for them, and nothing else is wrong
}

// Disagreement is one user for whom the places do not say the same.
type Disagreement struct {
	UserID string          `json:"user_id"`
	Ways   PostdeployWays  `json:"database"`
	App    *string         `json:"app"` // the running app's answer; "": no company; nil: none
	Failed string          `json:"failed"`
	Codes  []rightful.Code `json:"codes"` // of the findings, sorted
}

// PostdeployWays are the ways of getting a user's company in the database.
type PostdeployWays struct {
	Direct     string   `json:"direct"`
	Owner      []string `json:"owner"`
	Membership []string `json:"membership"`
	Resolver   string   `json:"resolver"`
	Unresolved string   `json:"unresolved"` // why the resolver names none
}

// Postdeploy checks that what was deployed agrees with the database: for a sample
// of users every way of getting the company, the resolver and the running app; its
// revision; and that its webhook endpoint takes what is signed and nothing else. It
// judges as an audit does, and reads only what that needs: no Stripe objects.
func (e *Engine) Postdeploy(ctx context.Context, in PostdeployInput) (*Postdeploy, error) {
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.Sleep == nil {
		in.Sleep = sleep
	}
	r := &Postdeploy{
		IncompleteBecause: []string{}, Now: e.Options.Now, Disagreements: []Disagreement{}, Findings: []rightful.Finding{},
		Known: noneKnown(), Counts: Counts{AtStake: []rightful.Amount{}}, Users: UsersChecked{All: in.All, Seed: in.Seed},
	}
	account := rightful.Account{}
	if e.Sources.Stripe != nil {
		var err error
		account, err = e.Sources.Stripe.Account(ctx)
		r.Account, r.Livemode = account.ID, account.Livemode
		if err != nil {
			r.incomplete(ctx, "Stripe: "+plain(err))
		} else if r.Refused = e.wrongAccount(account); r.Refused != nil {
			r.incomplete(ctx, "the run was refused")
			return r, nil
		}
	}
	c := &comparison{Engine: e, r: r, account: account, about: map[string]*Disagreement{}, ofKey: map[string]string{}}
	c.revision(ctx, in)
	if err := c.users(ctx, in); err != nil {
		return nil, err
	}
	c.revisionAgain(ctx)
	c.conclude()
	if in.Webhook != nil && ctx.Err() == nil {
		r.Webhook = e.knock(ctx, *in.Webhook, account, in.Now)
		if r.Webhook.Unreached != "" {
			r.incomplete(ctx, "the webhook endpoint: "+r.Webhook.Unreached)
		}
	}
	if in.Checkout != nil && ctx.Err() == nil {
		r.Checkout = e.tryCheckout(ctx, *in.Checkout)
		if r.Checkout.Failed != "" {
			r.incomplete(ctx, "the synthetic checkout: "+r.Checkout.Failed)
		}
	}
	if ctx.Err() != nil {
		r.incomplete(ctx, "the run was interrupted; what was not compared is not known to agree")
	}
	r.Counts.StripeGETs = e.gets()
	r.Complete = len(r.IncompleteBecause) == 0
	r.Agrees = r.Complete && r.Counts.Errors+r.Counts.Warnings == 0 && r.Webhook.ok() && r.Checkout.ok()
	r.Next = r.next()
	return r, nil
}

// incomplete says once why the answer is not whole.
func (r *Postdeploy) incomplete(ctx context.Context, because string) {
	if ctx.Err() != nil && !strings.HasPrefix(because, "the run was") {
		return // that it was interrupted is said at the end
	}
	if !slices.Contains(r.IncompleteBecause, because) {
		r.IncompleteBecause = append(r.IncompleteBecause, because)
	}
}

// Failed reports whether anything was found not to agree, however much was read.
func (r *Postdeploy) Failed() bool {
	return r.Counts.Errors+r.Counts.Warnings > 0 || !r.Webhook.ok() || !r.Checkout.ok()
}

// next returns the one thing to do next.
func (r *Postdeploy) next() string {
	for _, d := range r.Disagreements {
		return "rightful investigate user:" + d.UserID
	}
	for _, f := range r.Findings {
		if f.Severity != rightful.SeverityInfo {
			return "rightful explain " + string(f.Code)
		}
	}
	if !r.Complete {
		return "rightful doctor"
	}
	return ""
}

// sleep waits, or returns why it did not.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// comparison is one check of a deployment under way.
type comparison struct {
	*Engine
	r       *Postdeploy
	account rightful.Account

	findings, muted []rightful.Finding
	about           map[string]*Disagreement // by canonical user id: those with findings
	ofKey           map[string]string        // cache key -> canonical id of its user
	unanswered      map[string]bool          // canonical ids of users for whom the app had no answer
	unasked         map[string]bool          // those whom a record leaves out
	why             string                   // why, of the first of them
	unreached       error                    // why the app cannot be reached at all
}

// revisionPause is how long is waited between two questions for the revision.
const revisionPause = 2 * time.Second

// revision asks for the revision until it is the expected one.
func (c *comparison) revision(ctx context.Context, in PostdeployInput) {
	expected := cmp.Or(in.ExpectRevision, c.Options.ExpectedRevision)
	if c.Sources.Probe == nil {
		if expected != "" {
			c.r.incomplete(ctx, "revision "+expected+" is expected, and there is no app to ask: set resolver_probe")
		}
		return
	}
	check := &RevisionCheck{}
	if expected != "" {
		check.Expected = &expected
	}
	began := in.Now()
	var (
		seen string
		err  error
	)
	for {
		seen, err = c.Sources.Probe.Revision(ctx)
		waited := in.Now().Sub(began)
		check.Asked, check.Waited = check.Asked+1, int64(waited.Seconds())
		check.OK = err == nil && (expected == "" || seen == expected)
		left := in.Wait - waited
		if check.OK || left <= 0 || ctx.Err() != nil {
			break
		}
		if c.Options.Progress != nil {
			c.Options.Progress("seconds waited for revision "+expected, int(check.Waited))
		}
		if in.Sleep(ctx, min(revisionPause, left)) != nil {
			break
		}
	}
	switch {
	case err != nil:
		c.r.incomplete(ctx, "the revision of the running app: "+plain(err))
	case seen != "":
		check.Seen = &seen
	case expected != "":
		c.r.incomplete(ctx, "revision "+expected+" is expected, and the running app tells none: set resolver_probe.revision_url or revision_command")
	default:
		return // nobody expects one
	}
	c.r.Revision = check
	c.judgeRevision()
}

// revisionAgain asks once more after the users were compared: during a rolling
// deploy the old revision answers beside the new one.
func (c *comparison) revisionAgain(ctx context.Context) {
	check := c.r.Revision
	if check == nil || check.Expected == nil || !check.OK || c.r.Users.Checked == 0 {
		return
	}
	seen, err := c.Sources.Probe.Revision(ctx)
	check.Asked++
	switch {
	case err != nil:
		check.OK = false
		c.r.incomplete(ctx, "the revision of the running app, asked again: "+plain(err))
	case seen != *check.Expected:
		check.OK, check.Changed, check.Seen = false, true, &seen
		c.judgeRevision()
	}
}

// judgeRevision has the revision judged.
func (c *comparison) judgeRevision() {
	check := c.r.Revision
	if check.Seen == nil || check.Expected == nil {
		return
	}
	sit := c.situation()
	sit.Probe = &rightful.ProbeReport{Revision: *check.Seen, ExpectedRevision: *check.Expected}
	v := judge.Judge(sit, c.Rules)
	c.findings, c.muted = append(c.findings, v.Findings...), append(c.muted, v.Muted...)
}

// situation returns one in which nothing is known yet.
func (c *comparison) situation() *rightful.Situation {
	return &rightful.Situation{
		Now: c.Options.Now, Account: c.account, Mapping: c.Sources.Directory.Mapping(), Resolved: map[string]rightful.Resolution{},
		StripeUnread: "it is not asked about a deployment", StripePartly: true,
	}
}

// conclude counts what was found, and lists the users whom it is about.
func (c *comparison) conclude() {
	r := c.r
	r.Findings = r.apply(c.Accepted, r.Now, c.findings, c.muted, &r.Counts)
	for _, f := range r.Findings {
		id := ""
		switch f.Object.Type {
		case rightful.RefUser:
			id = rightful.CanonicalID(f.Object.ID)
		case rightful.RefCacheKey:
			id = c.ofKey[f.Object.ID]
		}
		if d := c.about[id]; d != nil && f.Severity != rightful.SeverityInfo && !slices.Contains(d.Codes, f.Code) {
			d.Codes = append(d.Codes, f.Code)
			slices.Sort(d.Codes)
		}
	}
	for id, d := range c.about {
		if len(d.Codes) > 0 {
			r.Disagreements = append(r.Disagreements, *d)
			delete(c.unanswered, id)
			delete(c.unasked, id)
		}
	}
	slices.SortFunc(r.Disagreements, func(a, b Disagreement) int { return compareIDs(a.UserID, b.UserID) })
	r.Users.Disagree, r.Users.Unanswered = len(r.Disagreements), len(c.unanswered)
	r.Users.Unasked = len(c.unasked)
	r.Users.Agree = r.Users.Checked - r.Users.Disagree - r.Users.Unanswered - r.Users.Unasked
	r.Counts.Users = r.Users.Checked
}
