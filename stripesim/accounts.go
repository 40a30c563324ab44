package stripesim

import (
	"encoding/json"
	"net/http"
)

// accountOperations answer for the account itself: which account a key
// belongs to, in which mode it works (through the balance), and for a platform
// which accounts are connected to it: every account but the default one.
func accountOperations() []*operation {
	const permission = "rak_accounts_kyc_basic_read"
	return []*operation{
		{name: "account.retrieve", method: http.MethodGet, path: "/v1/account", permission: permission, unlocked: true,
			run: func(c *call) (json.RawMessage, *apiError) { return c.server.accountObject(c.account, false), nil }},
		{name: "accounts.retrieve", method: http.MethodGet, path: "/v1/accounts/{id}", permission: permission, unlocked: true,
			run: (*call).retrieveAccount},
		{name: "accounts.list", method: http.MethodGet, path: "/v1/accounts", permission: permission, unlocked: true, lists: true,
			params: shape{limitParam(), textParam("starting_after"), textParam("ending_before"), rangeParam("created")},
			run:    (*call).listAccounts},
		{name: "balance.retrieve", method: http.MethodGet, path: "/v1/balance", permission: "rak_balance_read",
			run: func(c *call) (json.RawMessage, *apiError) { return c.balance(), nil }},
	}
}

// isPlatform reports that a call works on the default account.
func (c *call) isPlatform() bool { return c.account == c.server.account("") }

func (c *call) retrieveAccount() (json.RawMessage, *apiError) {
	if c.id == c.account.id {
		return c.server.accountObject(c.account, !c.isPlatform()), nil
	}
	other := c.server.account(c.id)
	if other == nil || !c.isPlatform() {
		return nil, forbidden("account_invalid", "The provided key '%s' does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", redact(c.key.secret), shorten(c.id))
	}
	return c.server.accountObject(other, true), nil
}

// listAccounts is newest first, as all lists (Stripe docs: api/accounts/list).
// An account that is connected itself has none.
func (c *call) listAccounts() (json.RawMessage, *apiError) {
	if err := c.oneCursor(); err != nil {
		return nil, err
	}
	within := &ordered{}
	if c.isPlatform() {
		for _, a := range c.server.connected() {
			raw := c.server.accountObject(a, true)
			within.insert(&entry{id: a.id, created: parseObject(raw).int("created"), seq: a.order, raw: raw}, true)
		}
		within.settle()
	}
	page, more, err := c.pageOf(within, nil, nil, func(param string) (*entry, *apiError) {
		for _, e := range within.entries {
			if e.id == c.params.str(param) {
				return e, nil
			}
		}
		return nil, missing(http.StatusBadRequest, "account", c.params.str(param), param, "")
	})
	if err != nil {
		return nil, err
	}
	return c.renderList(&resource{}, "/v1/accounts", page, more), nil
}

// connected are the accounts beside the default one.
func (s *Server) connected() []*account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*account
	for id, a := range s.accounts {
		if id != s.defaultID {
			all = append(all, a)
		}
	}
	return all
}

// accountObject is the world's account with the fields it leaves out. Stripe's
// account has no livemode: one account has both modes. When it was connected is
// known of a connected one only.
func (s *Server) accountObject(a *account, connected bool) json.RawMessage {
	a.mu.RLock()
	defer a.mu.RUnlock()
	o := newObject(
		"id", a.id, "object", "account",
		"business_profile", newObject("mcc", nil, "name", nil, "support_email", nil, "url", nil),
		"business_type", nil, "capabilities", newObject("card_payments", "active", "transfers", "active"),
		"charges_enabled", true, "country", "US", "default_currency", "usd", "details_submitted", true, "email", nil,
		"metadata", newObject(), "payouts_enabled", true,
		"settings", newObject(
			"branding", newObject("icon", nil, "logo", nil, "primary_color", nil, "secondary_color", nil),
			"card_payments", newObject("statement_descriptor_prefix", nil, "statement_descriptor_prefix_kana", nil, "statement_descriptor_prefix_kanji", nil),
			"dashboard", newObject("display_name", nil, "timezone", "Etc/UTC"),
			"payments", newObject("statement_descriptor", nil, "statement_descriptor_kana", nil, "statement_descriptor_kanji", nil)),
		"type", "standard")
	if connected {
		o.set("created", a.created)
	}
	if a.profile != nil {
		for _, f := range a.profile.fields {
			if f.name != "livemode" {
				o.set(f.name, f.value)
			}
		}
	}
	return o.raw()
}

// balance is always zero: charges and payouts are not modelled.
func (t *tx) balance() json.RawMessage {
	zero := []any{newObject("amount", 0, "currency", "usd", "source_types", newObject("card", 0))}
	return newObject("object", "balance", "available", zero, "livemode", t.livemode, "pending", zero).raw()
}
