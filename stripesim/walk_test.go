package stripesim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

// auditedLists are the lists that an auditor reads: the URL, the section of a
// world, what each object says of its owner, and what can be expanded.
var auditedLists = []struct {
	url, section, fields, filter, expand string
	undated                              bool
}{
	{url: "customers", section: "customers", fields: `"email":"a@example.com"`, filter: "email=a@example.com"},
	{url: "checkout/sessions", section: "checkout_sessions", fields: `"status":"complete","customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "subscriptions", section: "subscriptions", fields: `"status":"active","customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "invoices", section: "invoices", fields: `"status":"paid","customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "charges", section: "charges", fields: `"customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "payment_intents", section: "payment_intents", fields: `"customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "setup_intents", section: "setup_intents", fields: `"customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "subscription_schedules", section: "subscription_schedules", fields: `"customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer"},
	{url: "payment_methods", section: "payment_methods", fields: `"type":"card","customer":"cus_owner"`, filter: "customer=cus_owner", expand: "customer", undated: true},
	{url: "customers/cus_owner/payment_methods", section: "payment_methods", fields: `"type":"card","customer":"cus_owner"`, filter: "type=card", expand: "customer", undated: true},
	{url: "webhook_endpoints", section: "webhook_endpoints", fields: `"status":"enabled"`, undated: true},
	{url: "events", section: "events", fields: `"type":"customer.updated"`, filter: "type=customer.*"},
}

// Every list an auditor reads pages in both directions over equal times, is cut
// by created, filters by its owner and expands it.
func TestListsOfAnAuditor(t *testing.T) {
	t.Parallel()
	for _, c := range auditedLists {
		t.Run(c.url, func(t *testing.T) {
			t.Parallel()
			b := start(t, stripesim.Options{})
			recent := b.clock.unix() - 100
			var objects, newest []string
			for i := range 7 { // three of one second, then four of the next
				objects = append(objects, fmt.Sprintf(`{"id":"x_%d","created":%d,%s}`, i, recent+int64(min(i/3, 1)), c.fields))
				newest = append([]string{fmt.Sprintf("x_%d", i)}, newest...)
			}
			owner := `,"customers":[{"id":"cus_owner","email":"owner@example.com","created":1}]`
			if c.section == "customers" {
				owner = ""
			}
			loadWorld(t, b.sim, `{"stripe":{"account":{"id":"acct_1"},"`+c.section+`":[`+strings.Join(objects, ",")+`]`+owner+`}}`)
			equal(t, "down", b.walk(c.url, c.filter, "starting_after"), strings.Join(newest, " "))
			equal(t, "up", b.walk(c.url, c.filter, "ending_before"), strings.Join(newest, " "))
			first := b.send("GET", "/v1/"+c.url+"?limit=3", "")
			equal(t, "url", str(first.at("url")), "/v1/"+c.url)
			equal(t, "object", str(first.at("object")), "list")
			between := b.send("GET", fmt.Sprintf("/v1/%s?created[gte]=%d&created[lt]=%d", c.url, recent, recent+1), "")
			if c.undated {
				between.wantError(t, 400, "parameter_unknown", "created", "")
			} else {
				equal(t, "first second", strings.Join(between.ids(), " "), "x_2 x_1 x_0")
				later := b.send("GET", fmt.Sprintf("/v1/%s?created[gt]=%d", c.url, recent), "")
				equal(t, "next second", strings.Join(later.ids(), " "), "x_6 x_5 x_4 x_3")
			}
			b.send("GET", "/v1/"+c.url+"?starting_after=x_none", "").wantError(t, 400, "resource_missing", "starting_after", "x_none")
			b.send("GET", "/v1/"+c.url+"?limit=101", "").wantError(t, 400, "parameter_invalid_integer", "limit", "")
			b.send("GET", "/v1/"+c.url+"?expand[]=data.nonsense", "").wantError(t, 400, "", "expand", "cannot be expanded")
			if c.expand != "" {
				shown := b.send("GET", "/v1/"+c.url+"?expand[]=data."+c.expand, "")
				equal(t, "expanded", str(shown.at("data", 6, c.expand, "email")), "owner@example.com")
			}
		})
	}
}

// walk reads a list two objects at a time and returns its ids, newest first.
func (b *bench) walk(url, filter, direction string) string {
	b.Helper()
	var ids []string
	query := "?limit=2&" + filter
	if direction == "ending_before" {
		all := b.send("GET", "/v1/"+url+"?limit=100&"+filter, "").ids()
		ids = all[len(all)-1:] // the page above the oldest one
		query += "&ending_before=" + ids[0]
	}
	for range 10 {
		a := b.send("GET", "/v1/"+url+query, "")
		page := a.ids()
		if direction == "starting_after" {
			ids = append(ids, page...)
		} else {
			ids = slices.Concat(page, ids)
		}
		if a.at("has_more") != true {
			return strings.Join(ids, " ")
		}
		cursor := page[len(page)-1]
		if direction == "ending_before" {
			cursor = page[0]
		}
		query = "?limit=2&" + filter + "&" + direction + "=" + cursor
	}
	return "no end: " + strings.Join(ids, " ")
}

// A platform sees the accounts that are connected to it, and nobody else does.
func TestConnectedAccounts(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{Account: "acct_platform"})
	for _, id := range []string{"acct_a", "acct_b"} {
		if err := b.sim.AddAccount(id); err != nil {
			t.Fatal(err)
		}
		b.clock.tick(time.Second)
	}
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"acct_c","livemode":false,"created":100,"email":"c@example.com"},"customers":[{"id":"cus_c"}]}}`)
	list := b.send("GET", "/v1/accounts", "")
	equal(t, "newest first", strings.Join(list.ids(), " "), "acct_b acct_a acct_c")
	equal(t, "of the world", str(list.at("data", 2, "email")), "c@example.com")
	equal(t, "connected at", list.at("data", 1, "created"), any(1_760_000_000.0))
	equal(t, "down", b.walk("accounts", "", "starting_after"), "acct_b acct_a acct_c")
	equal(t, "up", b.walk("accounts", "", "ending_before"), "acct_b acct_a acct_c")
	equal(t, "created", strings.Join(b.send("GET", "/v1/accounts?created[lt]=200", "").ids(), " "), "acct_c")
	b.send("GET", "/v1/accounts?starting_after=acct_none", "").wantError(t, 400, "resource_missing", "starting_after", "No such account: 'acct_none'")
	b.send("GET", "/v1/accounts?starting_after=acct_a&ending_before=acct_b", "").wantError(t, 400, "", "starting_after", "not both")
	equal(t, "one of them", str(b.send("GET", "/v1/accounts/acct_c", "").at("email")), "c@example.com")
	equal(t, "in its name", strings.Join(b.send("GET", "/v1/customers", "", "Stripe-Account", "acct_c").ids(), " "), "cus_c")
	equal(t, "a connected one has none", len(b.send("GET", "/v1/accounts", "", "Stripe-Account", "acct_a").ids()), 0)
	b.send("GET", "/v1/accounts/acct_b", "", "Stripe-Account", "acct_a").wantError(t, 403, "account_invalid", "", "acct_b")
	equal(t, "itself", str(b.send("GET", "/v1/accounts/acct_a", "", "Stripe-Account", "acct_a").at("id")), "acct_a")
}

func TestSubscriptionsByPeriodAndTax(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"subscriptions":[
		{"id":"s1","status":"active","created":1,"items":{"data":[{"id":"i1","current_period_start":300,"current_period_end":500},{"id":"i2","current_period_start":100,"current_period_end":400}]}},
		{"id":"s2","status":"active","created":2,"current_period_start":200,"current_period_end":600,"automatic_tax":{"enabled":true}},
		{"id":"s3","status":"active","created":3}]}}`)
	for query, want := range map[string]string{
		"current_period_start=100": "s1", "current_period_start[gte]=150": "s2", "current_period_end[lt]=500": "s1", "current_period_end[gt]=1": "s2 s1",
		"automatic_tax[enabled]=true": "s2", "automatic_tax[enabled]=false": "s3 s1",
	} {
		equal(t, query, strings.Join(b.send("GET", "/v1/subscriptions?"+query, "").ids(), " "), want)
	}
}

// Until something is delivered, what an endpoint asks for stays pending.
func TestEventsByDelivery(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	endpoint := str(b.send("POST", "/v1/webhook_endpoints", "url=https://x.example.com&enabled_events[]=customer.updated&enabled_events[]=customer.deleted").at("id"))
	path := "/v1/customers/" + str(b.send("POST", "/v1/customers", "").at("id"))
	b.send("POST", path, "name=a")
	equal(t, "wanted", strings.Join(b.types("delivery_success=false"), " "), "customer.updated")
	equal(t, "not wanted", strings.Join(b.types("delivery_success=true"), " "), "customer.created")
	b.send("POST", "/v1/webhook_endpoints/"+endpoint, "disabled=true")
	b.send("DELETE", path, "")
	equal(t, "disabled", strings.Join(b.types("delivery_success=false"), " "), "customer.updated")
}
