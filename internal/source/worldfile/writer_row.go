package worldfile

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// changeRow adds a subscription row, or takes one away.
func (t *tables) changeRow(c rightful.FieldChange) error {
	text := c.To
	if c.To == nil {
		text = c.From
	}
	if (c.From == nil) == (c.To == nil) {
		return &rightful.Error{Kind: rightful.KindUnsupported, Place: "world", Message: "a whole row is added or taken away, and not replaced"}
	}
	values, err := rightful.ParseRowValues(*text)
	if err != nil {
		return err
	}
	naming := t.pick("subscriptions", func(r row) bool { return r.text("stripe_subscription_id") == c.Object.ID })
	for _, added := range t.added {
		if r, err := parseRow(added.text); err == nil && added.table == "subscriptions" && r.text("stripe_subscription_id") == c.Object.ID {
			return conflict("a row names %s already", c.Object.ID)
		}
	}
	if c.To == nil {
		return t.removeRow(c, naming, values)
	}
	switch _, mapped := t.world.tables["subscriptions"]; {
	case !mapped:
		return &rightful.Error{Kind: rightful.KindUnsupported, Place: "world", Message: "the world has no db.subscriptions, so no row is added"}
	case len(naming) > 0:
		r := t.row(naming[0])
		return conflict("a row names %s already: row %q of company %q, %s", c.Object.ID, r.text("id"), r.text("company_id"), r.text("status"))
	}
	companies := t.pick("companies", func(r row) bool { return rightful.SameID(r.text("id"), values.CompanyID) })
	if len(companies) != 1 {
		return conflict("%d rows of db.companies have the id %s, not one", len(companies), values.CompanyID)
	}
	t.added = append(t.added, addition{"subscriptions", jsontext.Value(fmt.Sprintf(
		`{"id": %s, "company_id": %s, "stripe_customer_id": %s, "stripe_subscription_id": %s, "status": %s}`,
		t.nextID(c.Object.ID), t.idLike(values.CompanyID), orNull(values.StripeCustomerID), quoted(c.Object.ID, nil), orNull(values.Status)))})
	return nil
}

func (t *tables) removeRow(c rightful.FieldChange, naming []place, values rightful.RowValues) error {
	if len(naming) != 1 {
		return conflict("%d rows of db.subscriptions name %s, not one", len(naming), c.Object.ID)
	}
	r := t.row(naming[0])
	if row := subscriptionRow(&r); !values.Agrees(row) {
		have := rightful.RowValues{CompanyID: row.CompanyID, StripeCustomerID: row.StripeCustomerID, Status: row.Status}
		return conflict("the row of %s is %s, not %s", c.Object.ID, have.Text(), *c.From)
	}
	t.gone[naming[0]] = true
	return nil
}

// nextID returns the id of a new subscription row, as a database would count on:
// one more than the largest number, written as its neighbours are. Where ids are no
// numbers it is the subscription's own.
func (t *tables) nextID(subscription string) []byte {
	largest := int64(0)
	var like jsontext.Value
	rows := t.pick("subscriptions", func(row) bool { return true })
	for _, at := range rows {
		r := t.row(at)
		id := r.text("id")
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || !rightful.IsNumericID(id) {
			return quoted(subscription, nil)
		}
		if n > largest {
			largest = n
		}
		like = r.columns["id"]
	}
	for _, added := range t.added {
		if added.table == "subscriptions" {
			largest++
		}
	}
	return quoted(strconv.FormatInt(largest+1, 10), like)
}

func orNull(text string) []byte {
	if text == "" {
		return []byte("null")
	}
	return quoted(text, nil)
}

// subscriptionRow reads a row of db.subscriptions.
func subscriptionRow(r *row) rightful.SubscriptionRow {
	return rightful.SubscriptionRow{
		ID: r.text("id"), CompanyID: r.text("company_id"), StripeCustomerID: r.text("stripe_customer_id"),
		StripeSubscriptionID: r.text("stripe_subscription_id"), Status: r.text("status"), StripeAccount: r.text("stripe_account"),
	}
}
