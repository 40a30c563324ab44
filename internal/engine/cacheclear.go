package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/plan"
)

// ClearCacheInput says which wrong keys to delete. At most one of Company, User
// and Key is set; with none of them, all of them are.
type ClearCacheInput struct {
	Company string // those that an audit of this company finds
	User    string // those that an investigation of this user finds
	Key     string // this one
	// Write deletes. Without it the report says what would be deleted.
	Write bool
	Author
}

// ClearCacheReport is what was, or would be, deleted.
type ClearCacheReport struct {
	// Plan has a step for each key that is wrong and may be deleted now, and a
	// question for each that may not.
	Plan *plan.Plan `json:"plan"`
	// Unsettled are ids of findings of other places about the same users,
	// customers and companies, sorted: until they are put right, the app may fill
	// the keys with what is wrong there.
	Unsettled []string     `json:"unsettled"`
	Applied   *ApplyReport `json:"applied"` // nil when nothing was deleted
	Saved     string       `json:"saved"`   // the file that the world was saved to; empty when none
}

// ClearCache deletes the keys whose cached value is wrong, and no other: the same
// that a repair of everything would delete. It goes through Apply, so each value
// is compared once more, and what is done is recorded. A key of an id that the
// database does not know is no wrong one. Errors are as those of Plan and Apply,
// and of kind not_found for a Key of nobody.
func (e *Engine) ClearCache(ctx context.Context, in ClearCacheInput) (*ClearCacheReport, error) {
	if in.Write {
		if err := e.writable(); err != nil {
			return nil, err
		}
	}
	if e.Sources.Cache == nil || len(e.Options.CacheKeys) == 0 {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "cache", Message: "no cache, or no pattern of its keys, is configured",
			Hint: "set cache.url and cache.keys, or give a world with a cache section",
		}
	}
	about, found, err := e.cacheFindings(ctx, in)
	if err != nil {
		return nil, err
	}
	all := found.Findings
	found.Findings = slices.DeleteFunc(slices.Clone(all), func(f rightful.Finding) bool {
		return f.Object.Type != rightful.RefCacheKey || in.Key != "" && f.Object.ID != in.Key
	})
	p, err := plan.Make(found)
	if err != nil {
		return nil, err
	}
	r := &ClearCacheReport{Plan: p, Unsettled: unsettled(all, found.Findings)}
	if !in.Write || p.Steps() == 0 {
		return r, nil
	}
	r.Applied, err = e.Apply(ctx, ApplyInput{Plan: p, About: about, Author: in.Author})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// cacheFindings judges what the input is about.
func (e *Engine) cacheFindings(ctx context.Context, in ClearCacheInput) (About, plan.Input, error) {
	about := About{Company: in.Company}
	if in.User != "" {
		about.Who = "user:" + in.User
	}
	if in.Key == "" {
		found, err := e.findings(ctx, about)
		return about, found, err
	}
	entries := e.entriesOf(in.Key)
	if len(entries) == 0 {
		return about, plan.Input{}, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--key", Message: fmt.Sprintf("%s is of no configured pattern, and nothing else is ever deleted", quoted(in.Key)),
			Hint: "rightful cache scan lists the keys that can be judged",
		}
	}
	var owners []string
	for _, c := range entries {
		owner := "user " + quoted(c.UserID)
		switch {
		case c.UserID != "":
			about = About{Who: "user:" + c.UserID}
		case c.CompanyID != "":
			owner, about = "company "+quoted(c.CompanyID), About{Company: c.CompanyID}
		default:
			owner, about = "customer "+quoted(c.StripeCustomerID), About{Who: c.StripeCustomerID}
			if !strings.HasPrefix(c.StripeCustomerID, "cus_") && !strings.HasPrefix(c.StripeCustomerID, "acct_") {
				owners = append(owners, owner) // as a WHO it would name somebody else
				continue
			}
		}
		found, err := e.findings(ctx, about)
		if rightful.KindOf(err) != rightful.KindNotFound {
			return about, found, err
		}
		owners = append(owners, owner)
	}
	return about, plan.Input{}, &rightful.Error{
		Kind: rightful.KindNotFound, Place: "--key", Message: fmt.Sprintf("the key is of %s, and there is none: with nothing to compare it with, it is left alone", strings.Join(owners, ", or of ")),
		Hint: "rightful cache scan shows it as nobody's; if it is in the way, delete it by hand",
	}
}

// unsettled returns the findings of other places about those whose keys are wrong.
func unsettled(all, cached []rightful.Finding) []string {
	named := map[string]bool{}
	name := func(kind string, id *string) string {
		if id == nil || *id == "" {
			return ""
		}
		return kind + "\x00" + rightful.CanonicalID(*id)
	}
	refs := func(f rightful.Finding) (refs []string) {
		refs = append(refs, name("company", f.CompanyID), name("company", f.RightfulCompanyID))
		for _, id := range append([]string{f.Object.ID, f.Family}, f.Also...) {
			if strings.HasPrefix(id, "cus_") || strings.HasPrefix(id, "user:") {
				refs = append(refs, id)
			}
		}
		return refs
	}
	for _, f := range cached {
		for _, ref := range refs(f) {
			named[ref] = ref != ""
		}
	}
	ids := []string{}
	for _, f := range all {
		if f.Object.Type != rightful.RefCacheKey && f.Severity != rightful.SeverityInfo && slices.ContainsFunc(refs(f), func(ref string) bool { return named[ref] }) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
