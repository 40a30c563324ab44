package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
// what it would give. It never fails: what does not work is a line.
func (e *Engine) Doctor(ctx context.Context) *Checkup {
	c := &Checkup{Lines: []rightful.Diagnosis{}}
	c.examine(ctx, e.Sources.Directory)
	c.examine(ctx, e.Sources.Stripe)
	c.add(e.diagnoseExpectation(ctx)...)
	if e.Sources.Cache == nil {
		c.add(rightful.Warn("cache.url", "no cache is configured: stale cache stays untold", "set cache.url and cache.keys if the app caches a user's company or customer"))
	}
	c.examine(ctx, e.Sources.Cache)
	c.add(e.diagnoseCache(ctx)...)
	if e.Sources.Probe == nil {
		c.add(rightful.Warn("resolver_probe", "no probe is configured: whether the deploy was applied stays untold", "give the app an internal address or a command that answers a user's company, and set resolver_probe.url or resolver_probe.command"))
	}
	c.examine(ctx, e.Sources.Probe)
	c.add(e.diagnoseProbe(ctx)...)
	c.add(e.diagnoseCodes()...)
	c.Healthy = c.Errors == 0
	return c
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

// Undiagnosed adds a line for a source that could not even be opened.
func (c *Checkup) Undiagnosed(d rightful.Diagnosis) {
	c.add(d)
	c.Healthy = false
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
func (e *Engine) diagnoseCache(ctx context.Context) []rightful.Diagnosis {
	if e.Sources.Cache == nil || e.Sources.Directory == nil {
		return nil
	}
	if len(e.Options.CacheKeys) == 0 {
		return []rightful.Diagnosis{rightful.Warn("cache.keys", "no pattern is configured, so nothing is read", "say which keys hold a company or a customer")}
	}
	about, err := e.someIDs(ctx)
	if err != nil {
		return nil // the directory said so itself
	}
	var d []rightful.Diagnosis
	for i, pattern := range e.Options.CacheKeys {
		place := fmt.Sprintf("cache.keys[%d]", i)
		entries := collect.Entries([]collect.CacheKey{pattern}, about)
		if err := e.Sources.Cache.Read(ctx, entries); err != nil {
			return append(d, failed("cache.keys", err)) // it may answer a PING and refuse to be read
		}
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
			d = append(d, rightful.Fail(place, fmt.Sprintf("%s, and %d cannot be decoded: %s", says, undecodable, why), "set decode for "+pattern.Pattern))
		case found == 0:
			d = append(d, rightful.Warn(place, says, "compare the pattern "+pattern.Pattern+" with a key that the app really writes, prefix and version included"))
		default:
			d = append(d, rightful.OK(place, says))
		}
	}
	return d
}

// someIDs returns some users, companies and linked customers.
func (e *Engine) someIDs(ctx context.Context) (rightful.Subject, error) {
	var about rightful.Subject
	for u, err := range e.Sources.Directory.Users(ctx, rightful.Select{}) {
		if err != nil {
			return about, err
		}
		if about.Users = append(about.Users, u.ID); len(about.Users) == doctorSample {
			break
		}
	}
	for c, err := range e.Sources.Directory.Companies(ctx, rightful.Select{}) {
		if err != nil {
			return about, err
		}
		if c.StripeCustomerID != "" {
			about.Customers = append(about.Customers, c.StripeCustomerID)
		}
		if about.Companies = append(about.Companies, c.ID); len(about.Companies) == doctorSample {
			break
		}
	}
	return about, nil
}

// diagnoseProbe asks the running app for one user: an app that knows none of
// them is asked at the wrong address.
func (e *Engine) diagnoseProbe(ctx context.Context) []rightful.Diagnosis {
	if e.Sources.Probe == nil || e.Sources.Directory == nil {
		return nil
	}
	const place = "resolver_probe"
	about, err := e.someIDs(ctx)
	if err != nil || len(about.Users) == 0 {
		return nil
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

// failed turns the error of a source into a line.
func failed(place string, err error) rightful.Diagnosis {
	var own *rightful.Error
	if errors.As(err, &own) {
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

// diagnoseExpectation compares the account and mode with what is expected.
func (e *Engine) diagnoseExpectation(ctx context.Context) []rightful.Diagnosis {
	if e.Sources.Stripe == nil {
		return nil
	}
	account, err := e.Sources.Stripe.Account(ctx)
	if err != nil {
		return nil // the source said so itself
	}
	if r := e.wrongAccount(account); r != nil {
		return []rightful.Diagnosis{rightful.Fail("stripe.account", r.Message, r.Hint)}
	}
	if e.Expect.Account == "" || e.Expect.Livemode == nil {
		return []rightful.Diagnosis{rightful.Warn("stripe.account", "the expected account and mode are not both set: a wrong key is only noticed by its missing customers",
			fmt.Sprintf("set stripe.account: %s and stripe.livemode: %v", account.ID, account.Livemode))}
	}
	return []rightful.Diagnosis{rightful.OK("stripe.account", "the key opens the expected account and mode")}
}
