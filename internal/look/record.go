package look

import (
	"context"
	"maps"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// RecordsOf returns what a store of intents tells about how the sessions of an account
// were made; nil when it tells nothing. account is asked when something is to be told.
func RecordsOf(store rightful.IntentStore, account func(context.Context) (rightful.Account, error)) collect.Made {
	records, kept := store.(rightful.CheckoutRecords)
	if !kept {
		return nil
	}
	return func(ctx context.Context, sessions []string) (map[string]rightful.Intent, error) {
		of, err := account(ctx)
		if err != nil {
			return nil, err
		}
		made := map[string]rightful.Intent{}
		for _, id := range sessions {
			in, known, err := records.CheckoutOf(ctx, of.ID, of.Livemode, id)
			if err != nil {
				return nil, err
			}
			if known {
				made[id] = in
			}
		}
		return made, nil
	}
}

// Heard judges a situation with what our own record says of its sessions: of those where
// it may change the verdict, and of further ones that the caller wants to know about. It
// adds that to the situation; where the record cannot be read, the situation says so, and
// is incomplete.
func Heard(ctx context.Context, src collect.Sources, rules judge.Rules, sit *rightful.Situation, sessions ...string) judge.Verdict {
	v := judge.Judge(sit, rules)
	if src.Made == nil || sit.MadeUnread != "" {
		return v
	}
	var asked []string
	for _, id := range append(sessions, v.Wanted.Made...) {
		if _, known := sit.Made[id]; !known {
			asked = append(asked, id)
		}
	}
	if len(asked) == 0 {
		return v
	}
	kept, err := src.Made(ctx, asked)
	if err != nil {
		sit.MadeUnread = collect.Short(err)
		sit.Incomplete = append(sit.Incomplete, "what is kept of how checkout sessions were made: "+sit.MadeUnread)
		return v
	}
	made := maps.Clone(sit.Made)
	if made == nil {
		made = map[string]rightful.Intent{}
	}
	for _, id := range asked {
		made[id] = kept[id]
	}
	sit.Made = made
	if len(kept) == 0 {
		return v
	}
	return judge.Judge(sit, rules)
}
