package stripesim

import (
	"encoding/json"
	"net/http"
)

// accountOperations answer for the account itself: which account a key
// belongs to, and (through the balance) in which mode it works.
func accountOperations() []*operation {
	return []*operation{
		{name: "account.retrieve", method: http.MethodGet, path: "/v1/account", permission: "rak_accounts_kyc_basic_read",
			run: func(c *call) (json.RawMessage, *apiError) { return c.accountObject(), nil }},
		{name: "accounts.retrieve", method: http.MethodGet, path: "/v1/accounts/{id}", permission: "rak_accounts_kyc_basic_read",
			run: func(c *call) (json.RawMessage, *apiError) {
				if c.id != c.account.id {
					return nil, forbidden("account_invalid", "The provided key '%s' does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", redact(c.key.secret), shorten(c.id))
				}
				return c.accountObject(), nil
			}},
		{name: "balance.retrieve", method: http.MethodGet, path: "/v1/balance", permission: "rak_balance_read",
			run: func(c *call) (json.RawMessage, *apiError) { return c.balance(), nil }},
	}
}

// accountObject is the world's account with the fields it leaves out. Stripe's
// account has no livemode: one account has both modes.
func (t *tx) accountObject() json.RawMessage {
	o := newObject(
		"id", t.account.id, "object", "account",
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
	if t.account.profile != nil {
		for _, f := range t.account.profile.fields {
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
