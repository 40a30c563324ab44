package stripeapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"

	"rightful"
	"rightful/internal/stripeobject"
)

var accountEndpoint = endpoint{collection: "/v1/account"}

// Account implements rightful.StripeReader with two GETs. Objects that are read
// afterwards carry the account's id.
//
// The id is that of GET /v1/account. A restricted key often may not ask for it,
// but Stripe's refusal names the account, and that is taken. When even that is
// not told, the id is empty, which is no error, unless Options.Account is set:
// whoever names an account in stripe.account asked for a check, and a check
// that cannot be made has not been passed. The error is then of kind forbidden.
// Comparing the two ids is left to the caller.
//
// The mode is that of any object (the first customer), which Stripe itself
// states; in an account without customers, and for a key that may not list
// them, it is that of the key's prefix.
func (r *Reader) Account(ctx context.Context) (rightful.Account, error) {
	id, err := r.accountID(ctx)
	if err != nil {
		return rightful.Account{}, err
	}
	live, known, err := r.mode(ctx)
	if err != nil {
		return rightful.Account{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != "" {
		r.defaults.Account = id
	}
	r.defaults.Livemode = live
	return rightful.Account{ID: id, Livemode: live, LivemodeKnown: known}, nil
}

func (r *Reader) accountID(ctx context.Context) (string, error) {
	var account struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	err := r.request(ctx, accountEndpoint, "", nil, func(body []byte) error {
		if err := json.Unmarshal(body, &account); err != nil {
			return stripeobject.ErrNotJSON
		}
		if account.ID == "" || account.Object != "account" {
			return errors.New("it is no account")
		}
		return nil
	})
	if err == nil {
		return account.ID, nil
	}
	var f *failure
	if !errors.As(err, &f) || f.status != http.StatusForbidden {
		return "", err
	}
	if named := namedByText.FindStringSubmatch(f.message); named != nil {
		return named[1], nil
	}
	if r.expected == "" {
		return "", nil
	}
	var e *rightful.Error
	if errors.As(err, &e) {
		refused := *e
		refused.Hint = "the account of the key cannot be compared with stripe.account: let the key read the account, or remove stripe.account"
		return "", &refused
	}
	return "", err
}

// mode asks the first customer, then the key.
func (r *Reader) mode(ctx context.Context) (live, known bool, err error) {
	var page struct {
		Data []struct {
			Livemode *bool `json:"livemode"`
		} `json:"data"`
	}
	err = r.request(ctx, endpoints[rightful.TypeCustomer], "", url.Values{"limit": {"1"}}, func(body []byte) error {
		if json.Unmarshal(body, &page) != nil {
			return stripeobject.ErrNotJSON
		}
		return nil
	})
	if err != nil && rightful.KindOf(err) != rightful.KindForbidden {
		return false, false, err
	}
	if len(page.Data) > 0 && page.Data[0].Livemode != nil {
		return *page.Data[0].Livemode, true, nil
	}
	live, known = modeOfKey(r.key)
	return live, known, nil
}
