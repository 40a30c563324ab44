package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"rightful"
	"rightful/internal/collect"
)

// Checkup is what the doctor found.
type Checkup struct {
	Healthy  bool                 `json:"healthy"` // no line of level error
	Errors   int                  `json:"error"`
	Warnings int                  `json:"warning"`
	Lines    []rightful.Diagnosis `json:"lines"`
}

// Doctor examines every source that is configured, and says of each that is not
// what it would give. It never fails: what does not work is a line. unopened is
// what came of opening the sources that the engine lacks.
func (e *Engine) Doctor(ctx context.Context, unopened ...error) *Checkup {
	c := &Checkup{Lines: []rightful.Diagnosis{}}
	for _, err := range unopened {
		if sectionOf(err) == "" {
			c.add(failed("", err))
		}
	}
	c.undiagnosed(unopened, "directory")
	c.examine(ctx, e.Sources.Directory)
	c.examine(ctx, e.Writing)
	if e.Writing == nil && e.Sources.Directory != nil && !slices.ContainsFunc(c.Lines, func(d rightful.Diagnosis) bool { return strings.HasPrefix(d.Place, "directory.write") }) {
		c.add(rightful.OK("directory.write", "is not set: the database is only read, and plans ask where they would write it"))
	}
	c.undiagnosed(unopened, "stripe")
	if len(e.Accounts) == 0 {
		c.examine(ctx, e.Sources.Stripe)
		c.add(diagnoseExpectation(ctx, e.Sources.Stripe, e.Expect)...)
	}
	c.examineAccounts(ctx, e.Accounts)
	if e.Observing {
		c.add(rightful.Warn("gateway.mode", "is observe, at least for some rules: guards let pass what they would refuse", "run rightful replay, and then set gateway.mode: enforce"))
	}
	about := e.someIDs(ctx)
	if !c.undiagnosed(unopened, "cache") && e.Sources.Cache == nil {
		c.add(rightful.Warn("cache.url", "no cache is configured: stale cache stays untold", "set cache.url and cache.keys if the app caches a user's company or customer"))
	}
	c.examine(ctx, e.Sources.Cache)
	c.addNew(e.diagnoseCache(ctx, about)...)
	if !c.undiagnosed(unopened, "resolver_probe") && e.Sources.Probe == nil {
		c.add(rightful.Warn("resolver_probe", "no probe is configured: whether the deploy was applied stays untold", "give the app an internal address or a command that answers a user's company, and set resolver_probe.url or resolver_probe.command"))
	}
	c.examine(ctx, e.Sources.Probe)
	c.addNew(e.diagnoseProbe(ctx, about)...)
	c.add(e.diagnoseCodes()...)
	c.examine(ctx, e.State)
	c.Healthy = c.Errors == 0
	return c
}

// sections are the parts of a config that name a source.
var sections = []string{"directory", "stripe", "cache", "resolver_probe"}

// sectionOf returns the section that the error of opening a source is about, or
// "" when it does not tell.
func sectionOf(err error) string {
	var own *rightful.Error
	if !errors.As(err, &own) {
		return ""
	}
	section, _, _ := strings.Cut(own.Place, ".")
	if !slices.Contains(sections, section) {
		return ""
	}
	return section
}

// undiagnosed adds a line for each source of the section that could not even be
// opened, and reports whether there is one.
func (c *Checkup) undiagnosed(unopened []error, section string) bool {
	found := false
	for _, err := range unopened {
		if sectionOf(err) == section {
			c.add(failed(section, err))
			found = true
		}
	}
	return found
}

func (c *Checkup) add(lines ...rightful.Diagnosis) {
	for _, d := range lines {
		switch d.Level {
		case rightful.LevelError:
			c.Errors++
		case rightful.LevelWarning:
			c.Warnings++
		}
		c.Lines = append(c.Lines, d)
	}
}

// addNew adds what the source has not said itself: one that is down says the same
// to every question.
func (c *Checkup) addNew(lines ...rightful.Diagnosis) {
	c.add(slices.DeleteFunc(lines, func(d rightful.Diagnosis) bool { return slices.Contains(c.Lines, d) })...)
}

// examine asks a source to examine itself, if it can.
func (c *Checkup) examine(ctx context.Context, source any) {
	if d, ok := source.(rightful.Diagnoser); ok {
		c.add(d.Diagnose(ctx)...)
	}
}

// doctorSample is how many users, companies and customers the doctor tries cache
// keys with.
const doctorSample = 100

// diagnoseCache tries the configured patterns on some ids.
func (e *Engine) diagnoseCache(ctx context.Context, about rightful.Subject) []rightful.Diagnosis {
	if e.Sources.Cache == nil {
		return nil
	}
	if len(e.Options.CacheKeys) == 0 {
		return []rightful.Diagnosis{rightful.Warn("cache.keys", "no pattern is configured, so nothing is read", "say which keys hold a company or a customer")}
	}
	var d []rightful.Diagnosis
	for i, pattern := range e.Options.CacheKeys {
		place := fmt.Sprintf("cache.keys[%d]", i)
		entries := collect.Entries([]collect.CacheKey{pattern}, about)
		if len(entries) == 0 {
			d = append(d, rightful.Warn(place, "not tried: the database names nothing that could stand in "+pattern.Pattern, "it is tried on ids that the queries of directory find: see to those first"))
			continue
		}
		if err := e.Sources.Cache.Read(ctx, entries); err != nil {
			return append(d, failed("cache.keys", err)) // it may answer a PING and refuse to be read
		}
		d = append(d, diagnosePattern(place, pattern.Pattern, entries))
	}
	return d
}

// diagnosePattern says what stood under the keys of one pattern.
func diagnosePattern(place, pattern string, entries []rightful.CacheEntry) rightful.Diagnosis {
	found, undecodable, why := 0, 0, ""
	for _, entry := range entries {
		if entry.Found {
			found++
		}
		if entry.Undecodable != "" {
			undecodable++
			why = entry.Undecodable
		}
	}
	says := fmt.Sprintf("%d of %d keys tried hold a value", found, len(entries))
	switch {
	case undecodable > 0:
		return rightful.Fail(place, fmt.Sprintf("%s, and %d cannot be decoded: %s", says, undecodable, why), "set decode for "+pattern)
	case found == 0:
		return rightful.Warn(place, says, "compare the pattern "+pattern+" with a key that the app really writes, prefix and version included")
	}
	return rightful.OK(place, says)
}

// someIDs returns some users, companies and linked customers. What the
// directory cannot read it has said itself.
func (e *Engine) someIDs(ctx context.Context) (about rightful.Subject) {
	if e.Sources.Directory == nil {
		return about
	}
	for u, err := range e.Sources.Directory.Users(ctx, rightful.Select{}) {
		if err != nil {
			break
		}
		if about.Users = append(about.Users, u.ID); len(about.Users) == doctorSample {
			break
		}
	}
	for c, err := range e.Sources.Directory.Companies(ctx, rightful.Select{}) {
		if err != nil {
			break
		}
		if c.StripeCustomerID != "" {
			about.Customers = append(about.Customers, c.StripeCustomerID)
		}
		if about.Companies = append(about.Companies, c.ID); len(about.Companies) == doctorSample {
			break
		}
	}
	for l, err := range e.Sources.Directory.Links(ctx, rightful.Select{}) {
		if err != nil || len(about.Customers) >= doctorSample {
			break
		}
		about.Customers = append(about.Customers, l.StripeCustomerID)
	}
	return about
}

// diagnoseProbe asks the running app for one user: an app that knows none of
// them is asked at the wrong address.
func (e *Engine) diagnoseProbe(ctx context.Context, about rightful.Subject) []rightful.Diagnosis {
	if e.Sources.Probe == nil {
		return nil
	}
	const place = "resolver_probe"
	if len(about.Users) == 0 {
		return []rightful.Diagnosis{rightful.Warn(place, "the running app was not asked for a company: the database names no user", "it is asked for a user that directory.users finds: see to that first")}
	}
	user := about.Users[0]
	answer, err := e.Sources.Probe.Company(ctx, user)
	switch {
	case err != nil:
		return []rightful.Diagnosis{failed(place, err)}
	case answer.Failed != "":
		return []rightful.Diagnosis{rightful.Fail(place, fmt.Sprintf("no answer for user %s: %s", user, answer.Failed), "check the address or the command, and what json points at")}
	case answer.CompanyID == "":
		return []rightful.Diagnosis{rightful.Warn(place, fmt.Sprintf("the running app names no company for user %s", user), "right if the user has none; a mistyped address looks the same")}
	}
	d := []rightful.Diagnosis{rightful.OK(place, fmt.Sprintf("the running app answers company %s for user %s", answer.CompanyID, user))}
	revision, err := e.Sources.Probe.Revision(ctx)
	if expected := e.Options.ExpectedRevision; err == nil && revision != "" && expected != "" && revision != expected {
		d = append(d, rightful.Warn(place+".expect_revision", fmt.Sprintf("the running app is revision %s; %s is expected", revision, expected), "deploy, or correct expect_revision"))
	}
	return d
}

// failed turns the error of a source into a line. place is where it stands when
// the error does not tell.
func failed(place string, err error) rightful.Diagnosis {
	var own *rightful.Error
	if errors.As(err, &own) {
		if own.Place != "" {
			place = own.Place
		}
		return rightful.Fail(place, own.Message, own.Hint)
	}
	return rightful.Fail(place, err.Error(), "")
}

// diagnoseCodes names the codes of the config that this version does not have:
// they may be another version's, or mistyped.
func (e *Engine) diagnoseCodes() []rightful.Diagnosis {
	set := slices.Concat(slices.Collect(maps.Keys(e.Rules.Off)), slices.Collect(maps.Keys(e.Rules.Severity)))
	slices.Sort(set)
	var d []rightful.Diagnosis
	for _, code := range set {
		if _, known := rightful.CodeNamed(code); !known {
			d = append(d, rightful.Warn("codes."+string(code), "this version has no such code, so the line changes nothing", "rightful explain lists the codes"))
		}
	}
	return d
}

// Examined is one of several accounts, as the doctor examines it.
type Examined struct {
	Place  string // where it stands in the config: stripe[1]
	Stripe rightful.StripeReader
	Expect Expect
}

// examineAccounts examines accounts side by side. Each line says in its place which one it
// is about.
func (c *Checkup) examineAccounts(ctx context.Context, accounts []Examined) {
	each := make([][]rightful.Diagnosis, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		wg.Go(func() {
			if d, ok := a.Stripe.(rightful.Diagnoser); ok {
				each[i] = d.Diagnose(ctx)
			}
			each[i] = append(each[i], diagnoseExpectation(ctx, a.Stripe, a.Expect)...)
		})
	}
	wg.Wait()
	for i, lines := range each {
		for _, d := range lines {
			if key, of := strings.CutPrefix(d.Place, "stripe"); of {
				d.Place = accounts[i].Place + key
			}
			c.add(d)
		}
	}
}

// diagnoseExpectation compares the account and mode with what is expected.
func diagnoseExpectation(ctx context.Context, stripe rightful.StripeReader, expected Expect) []rightful.Diagnosis {
	if stripe == nil {
		return nil
	}
	account, err := stripe.Account(ctx)
	if err != nil {
		return nil // the source said so itself
	}
	if r := expected.refuses(account); r != nil {
		return []rightful.Diagnosis{rightful.Fail("stripe.account", r.Message, r.Hint)}
	}
	if expected.Account == "" || expected.Livemode == nil {
		return []rightful.Diagnosis{rightful.Warn("stripe.account", "the expected account and mode are not both set: a wrong key is only noticed by its missing customers",
			fmt.Sprintf("set stripe.account: %s and stripe.livemode: %v", account.ID, account.Livemode))}
	}
	return []rightful.Diagnosis{rightful.OK("stripe.account", "the key opens the expected account and mode")}
}
