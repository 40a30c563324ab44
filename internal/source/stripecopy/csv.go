package stripecopy

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"rightful"
)

// csvFile reads what Stripe's dashboard exports. Its columns are known by their names, of
// which people choose some.
type csvFile struct {
	*file
	c     *Copy
	yield func(rightful.MirrorObject) bool
	line  int // of what is read, from 1

	columns  map[string]int // by lower-case name
	metadata map[int]string // metadata keys, by column
	told     map[rightful.ObjectType]bool
}

func (f *csvFile) at() string { return f.name + ":" + strconv.Itoa(f.line) }

// metadataColumn is how the name of a column of metadata ends.
const metadataColumn = " (metadata)"

// Columns that are read, by lower-case name. The first that is there counts.
var (
	createdColumns  = []string{"created (utc)", "created"}
	customerColumns = []string{"customer id", "customer"}
	endedColumns    = []string{"ended at (utc)", "ended at"}
	otherColumns    = []string{"id", "email", "status", "cancel at period end", "plan", "product", "product id", "quantity", "livemode"}
)

// read reads the names of the columns, and then the rows.
func (f *csvFile) read(ctx context.Context) error {
	before := f.line - 1
	in := &bounded{in: f.in, limit: rowLimit}
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return f.broken(err, before)
	}
	if err := f.header(header); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		in.done(r.InputOffset())
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, csv.ErrFieldCount) {
			f.line, _ = r.FieldPos(0)
			f.line += before
			f.c.bad(f.at(), fmt.Sprintf("%d columns, where the first line has %d", len(row), r.FieldsPerRecord))
			continue
		}
		if err != nil {
			return f.broken(err, before)
		}
		f.line, _ = r.FieldPos(0)
		f.line += before
		o, err := f.object(row)
		if err != nil {
			f.c.bad(f.at(), err.Error())
			continue
		}
		if o.Type == "" {
			f.c.left.OtherTypes++
			continue
		}
		more, err := f.c.keep(o, 0, f.yield)
		if err != nil {
			f.c.bad(f.at(), err.Error())
		} else if !more {
			return nil
		}
	}
}

// broken says where a file stops being CSV.
func (f *csvFile) broken(err error, before int) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, errTooBig):
		f.line++
		return invalid(f.at(), fmt.Sprintf("a row of more than %d bytes is near here", rowLimit), "look for a quotation mark that is not closed")
	case errors.As(err, &parse):
		f.line = before + parse.Line
		return invalid(f.at(), "this is no CSV: a quotation mark is out of place", "give the file as the dashboard exported it, and not as a spreadsheet wrote it")
	case errors.Is(err, io.EOF):
		return invalid(f.name, "there is nothing in it", "check that the export came to its end")
	}
	return f.cut(err)
}

// header learns where the columns are.
func (f *csvFile) header(names []string) error {
	f.columns, f.metadata, f.told = map[string]int{}, map[int]string{}, map[rightful.ObjectType]bool{}
	known := slices.Concat(createdColumns, customerColumns, endedColumns, otherColumns)
	company := false
	for i, name := range names {
		name = strings.TrimSpace(name)
		if key, is := strings.CutSuffix(name, metadataColumn); is {
			if f.c.o.Keys.Keeps(key) {
				f.metadata[i] = key
				company = company || key == f.c.o.Keys.Company
			}
			continue // other metadata is not kept, and need not be
		}
		lower := strings.ToLower(name)
		if _, twice := f.columns[lower]; twice {
			return invalid(f.at(), fmt.Sprintf("two columns are called %q", short(name)), "export the file again")
		}
		f.columns[lower] = i
		if !slices.Contains(known, lower) && !slices.Contains(f.c.unknown, name) {
			f.c.unknown = append(f.c.unknown, strings.Clone(name))
		}
	}
	switch {
	case f.column("id") < 0:
		return invalid(f.at(), "no column is called id; there are "+shortList(names), "give a CSV export of the dashboard with the columns id and Created (UTC), or Stripe's objects as JSON")
	case f.column(createdColumns...) < 0:
		return invalid(f.at(), "no column is called Created (UTC), and nothing can be judged without its time", "choose that column when you export")
	case !company:
		f.c.note(fmt.Sprintf("%s has no column %q: no stamp is read from it", f.name, f.c.o.Keys.Company+metadataColumn))
	}
	return nil
}

// column returns where the first of some columns is; -1: nowhere.
func (f *csvFile) column(names ...string) int {
	for _, n := range names {
		if i, is := f.columns[n]; is {
			return i
		}
	}
	return -1
}

// csvLacks says what the export of a type does not tell.
var csvLacks = map[rightful.ObjectType]string{
	rightful.TypeCustomer:     "balance, saved payment method, test clock",
	rightful.TypeSubscription: "schedule, pending update, test clock, amounts of prices",
}

// object reads a row: of no type when it is of none that can be read from CSV.
func (f *csvFile) object(row []string) (o rightful.Object, err error) {
	get := func(names ...string) string {
		if i := f.column(names...); i >= 0 {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	// The file's own row is used again for the next.
	o.ID = strings.Clone(get("id"))
	switch {
	case o.ID == "":
		return o, errors.New("there is no id")
	case strings.HasPrefix(o.ID, "cus_"):
		o.Type = rightful.TypeCustomer
	case strings.HasPrefix(o.ID, "sub_"):
		o.Type = rightful.TypeSubscription
	default:
		return o, nil
	}
	if !f.told[o.Type] {
		f.told[o.Type] = true
		f.c.note(fmt.Sprintf("CSV does not tell of a %s: %s", o.Type, csvLacks[o.Type]))
	}
	o.Account, o.Livemode = f.c.o.Account, f.c.o.Livemode
	if mode := get("livemode"); mode != "" {
		if o.Livemode, err = flag(mode); err != nil {
			return o, fmt.Errorf("%s: livemode: %w", short(o.ID), err)
		}
	}
	if o.Created, err = when(get(createdColumns...)); err != nil || o.Created == 0 {
		return o, fmt.Errorf("%s: Created (UTC): no time, as 2026-01-31 14:05", short(o.ID))
	}
	for i, key := range f.metadata {
		if row[i] != "" {
			if o.Metadata == nil {
				o.Metadata = map[string]string{}
			}
			o.Metadata[key] = strings.Clone(row[i])
		}
	}
	if o.Type == rightful.TypeCustomer {
		o.Email = strings.Clone(get("email"))
		return o, nil
	}
	return o, f.subscription(&o, get)
}

// subscription reads what only subscriptions have.
func (f *csvFile) subscription(o *rightful.Object, get func(...string) string) (err error) {
	o.StripeCustomerID = strings.Clone(get(customerColumns...))
	if o.StripeCustomerID == "" || len(o.StripeCustomerID) > idLimit {
		return fmt.Errorf("%s: Customer ID: there is none", short(o.ID))
	}
	status := strings.ReplaceAll(strings.ToLower(get("status")), " ", "_")
	if !slices.Contains(subscriptionStatuses, status) {
		return fmt.Errorf("%s: Status: none that a subscription can have", short(o.ID))
	}
	o.Status = strings.Clone(status)
	if o.EndedAt, err = when(get(endedColumns...)); err != nil {
		return fmt.Errorf("%s: Ended At (UTC): %w", short(o.ID), err)
	}
	if ends := get("cancel at period end"); ends != "" {
		if o.Ending, err = flag(ends); err != nil {
			return fmt.Errorf("%s: Cancel At Period End: %w", short(o.ID), err)
		}
	}
	if plan := get("plan"); plan != "" {
		item := rightful.Item{PriceID: strings.Clone(plan), ProductID: strings.Clone(get("product id", "product")), Quantity: 1}
		if n, err := strconv.ParseInt(get("quantity"), 10, 64); err == nil {
			item.Quantity = n
		}
		o.Items = []rightful.Item{item}
	}
	return nil
}

// subscriptionStatuses are Stripe's (docs.stripe.com/api/subscriptions/object).
var subscriptionStatuses = []string{"active", "trialing", "past_due", "unpaid", "paused", "canceled", "incomplete", "incomplete_expired"}

func flag(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("neither true nor false")
}

// when reads a time of an export, which is UTC: 0 for none.
func when(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", time.DateTime, time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Unix() > 0 {
			return t.Unix(), nil
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	return 0, errors.New("no time, as 2026-01-31 14:05")
}
