package look

import (
	"context"
	"maps"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// RecordOf returns what a store of intents tells about what was made in an account; nil
// when it tells nothing. account is asked when something is to be told.
func RecordOf(store rightful.IntentStore, account func(context.Context) (rightful.Account, error)) collect.Record {
	records, kept := store.(rightful.IntentRecords)
	if !kept {
		return nil
	}
	return record{records, account}
}

type record struct {
	rightful.IntentRecords
	account func(context.Context) (rightful.Account, error)
}

func (r record) CheckoutsOf(ctx context.Context, sessionIDs []string) (map[string]rightful.Intent, error) {
	of, err := r.account(ctx)
	if err != nil {
		return nil, err
	}
	return r.IntentRecords.CheckoutsOf(ctx, of.ID, of.Livemode, sessionIDs)
}

func (r record) Promised(ctx context.Context, companyIDs []string) ([]string, error) {
	of, err := r.account(ctx)
	if err != nil {
		return nil, err
	}
	return r.IntentRecords.Promised(ctx, of.ID, of.Livemode, companyIDs)
}

// Heard judges a situation with what our own record says: of the sessions where it may
// change the verdict, of further ones that the caller wants to know about, and of
// companies that have no row. It adds that to the situation; where the record cannot be
// read, the situation says so, and is incomplete.
func Heard(ctx context.Context, src collect.Sources, rules judge.Rules, sit *rightful.Situation, sessions ...string) judge.Verdict {
	v := judge.Judge(sit, rules)
	if src.Record == nil || sit.RecordUnread != "" {
		return v
	}
	told, err := hear(ctx, src.Record, sit, append(sessions, v.Wanted.Made...), v.Wanted.Companies)
	if err != nil {
		sit.RecordUnread = collect.Short(err)
		sit.Incomplete = append(sit.Incomplete, "what is kept of what was made for whom: "+sit.RecordUnread)
		return v
	}
	if !told {
		return v
	}
	return judge.Judge(sit, rules)
}

// hear asks the record about what was not asked before, and adds what it says to the
// situation. It reports whether it said anything.
func hear(ctx context.Context, from collect.Record, sit *rightful.Situation, sessions, companies []string) (told bool, err error) {
	var asked []string
	for _, id := range sessions {
		if _, known := sit.Made[id]; !known {
			asked = append(asked, id)
		}
	}
	kept, promised := map[string]rightful.Intent{}, []string(nil)
	if len(asked) > 0 {
		if kept, err = from.CheckoutsOf(ctx, asked); err != nil {
			return false, err
		}
	}
	if len(companies) > 0 {
		if promised, err = from.Promised(ctx, companies); err != nil {
			return false, err
		}
	}
	// A situation may be read by others meanwhile: what it has is not changed in place.
	made, existed := maps.Clone(sit.Made), maps.Clone(sit.Existed)
	if made == nil {
		made = map[string]rightful.Intent{}
	}
	if existed == nil {
		existed = map[string]bool{}
	}
	for _, id := range asked {
		made[id] = kept[id]
	}
	for _, id := range companies {
		existed[id] = false
	}
	for _, id := range promised {
		existed[id] = true
	}
	sit.Made, sit.Existed = made, existed
	return len(kept)+len(promised) > 0, nil
}
