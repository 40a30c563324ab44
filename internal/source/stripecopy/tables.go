package stripecopy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"rightful"
	"rightful/internal/pull"
)

// Three programs fill such databases, and one of them has done so in two ways:
//
//   - Stripe's open-source sync engine (github.com/stripe/sync-engine, before that
//     supabase/stripe-sync-engine), in the schema stripe unless it is told another. Until 2025
//     its tables have a column for each field of an object, updated_at, and later
//     last_synced_at; since then _raw_data, _last_synced_at, _updated_at and _account_id.
//   - Stripe's own real-time sync to Postgres and Stripe Database (both in preview), with
//     _raw_data, _updated_at and _account_id
//     (docs.stripe.com/data/data-pipeline/real-time-sync-to-postgres/schema).
//
// Where there is _raw_data it holds an object as Stripe's API gives it.

// table is one that holds the objects of a list. Names are quoted; those of columns that
// are not there are empty.
type table struct {
	typ     rightful.ObjectType
	schema  string // as it is
	name    string // with the schema
	id      string
	raw     string
	synced  string // when the object was taken from Stripe
	updated string // when its row was written
	account string
	own     int64 // objects of our account, where the table tells accounts apart
}

// tableNames are the tables of lists.
var tableNames = map[string]rightful.ObjectType{
	"customers":              rightful.TypeCustomer,
	"checkout_sessions":      rightful.TypeSession,
	"subscriptions":          rightful.TypeSubscription,
	"payment_intents":        rightful.TypePaymentIntent,
	"subscription_schedules": rightful.TypeSchedule,
}

// defaultSchema is where the sync engine writes unless it is told another.
const defaultSchema = "stripe"

// object is the expression of an object's JSON. A plan was kept as text that may be an id
// or an object's JSON; the items say the same.
func (t *table) object() string {
	if t.raw != "" {
		return t.raw
	}
	return "to_jsonb(t) - 'plan'"
}

// size is what tells how big an object is.
func (t *table) size() string {
	if t.raw != "" {
		return t.raw
	}
	return "t"
}

// find returns the tables of lists in a schema: the named one, or the one that has any.
func (d *database) find(ctx context.Context, schema string) ([]table, error) {
	names := make([]string, 0, len(tableNames))
	for n := range tableNames {
		names = append(names, n)
	}
	rows, err := d.tx.Query(ctx, `SELECT table_schema, table_name, column_name FROM information_schema.columns
		WHERE table_name = ANY($1) AND table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY table_schema, table_name, ordinal_position`, names)
	if err != nil {
		return nil, err
	}
	columns := map[string]map[string][]string{} // by schema and table
	var in, name, column string
	if _, err := pgx.ForEachRow(rows, []any{&in, &name, &column}, func() error {
		if columns[in] == nil {
			columns[in] = map[string][]string{}
		}
		columns[in][name] = append(columns[in][name], column)
		return nil
	}); err != nil {
		return nil, err
	}
	found := map[string][]table{}
	for in, byName := range columns {
		for _, t := range rightful.ListedTypes() {
			for name, has := range byName {
				if tableNames[name] != t {
					continue
				}
				if one, is := asTable(t, in, name, has); is && (one.raw != "" || in == defaultSchema || in == schema) {
					found[in] = append(found[in], one)
				}
			}
		}
	}
	return d.choose(found, schema)
}

// asTable looks at a table's columns: one that lacks what all of Stripe's objects have
// is somebody else's.
func asTable(typ rightful.ObjectType, schema, name string, has []string) (table, bool) {
	first := func(names ...string) string {
		for _, n := range names {
			if slices.Contains(has, n) {
				return pgx.Identifier{n}.Sanitize()
			}
		}
		return ""
	}
	t := table{
		typ: typ, schema: schema, name: pgx.Identifier{schema, name}.Sanitize(),
		id: first("id", "_id"), raw: first("_raw_data", "raw_data"),
		synced: first("_last_synced_at", "last_synced_at"), updated: first("_updated_at", "updated_at"), account: first("_account_id"),
	}
	fields := first("object") != "" && first("metadata") != "" && first("created") != "" && first("livemode") != ""
	return t, t.id != "" && (t.raw != "" || fields)
}

// choose picks the schema.
func (d *database) choose(found map[string][]table, schema string) ([]table, error) {
	if schema == "" && len(found[defaultSchema]) > 0 {
		schema = defaultSchema
	}
	if schema == "" && len(found) == 1 {
		for only := range found {
			schema = only
		}
	}
	switch tables := found[schema]; {
	case len(tables) > 0:
		return tables, nil
	case schema == "" && len(found) > 1:
		var names []string
		for n := range found {
			names = append(names, n)
		}
		slices.Sort(names)
		return nil, invalid(d.where, "several schemas hold Stripe's objects: "+shortList(names), "say which one: postgres://...?"+schemaParameter+"="+names[0])
	case schema != "":
		return nil, invalid(d.where, fmt.Sprintf("the schema %q has no tables of Stripe's objects that this user may read", schema), tablesHint)
	}
	return nil, invalid(d.where, "no schema has tables of Stripe's objects that this user may read", tablesHint)
}

const tablesHint = "give the database that Stripe's sync engine or Stripe's real-time sync fills, and a user that may read its tables"

// complete returns the lists of which the database itself says that it has all. Of the
// sync engine's bookkeeping a run over a whole list that came to its end says so: what was
// there when it began is there. The list is known as of then, or as of when the oldest of
// its objects was taken from Stripe, if that was before.
func (d *database) complete(ctx context.Context, account string) ([]pull.Claim, error) {
	runs, err := d.runs(ctx, account)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	var said []pull.Claim
	for _, t := range d.tables {
		asOf := runs[t.typ]
		if asOf == 0 || t.synced == "" || t.account == "" {
			continue
		}
		var oldest *int64
		var unknown int64
		if err := d.tx.QueryRow(ctx, `SELECT min(`+seconds(t.synced)+`), count(*) FILTER (WHERE `+t.synced+` IS NULL) FROM `+t.name+` WHERE `+t.account+` = $1`, account).
			Scan(&oldest, &unknown); err != nil {
			return nil, err
		}
		if unknown > 0 {
			continue
		}
		if oldest != nil {
			asOf = min(asOf, *oldest)
		}
		if asOf -= int64(otherClock.Seconds()); asOf > 0 {
			said = append(said, pull.Claim{Type: t.typ, AsOf: asOf, EvenNone: true})
		}
	}
	return said, nil
}

// runs returns when the last run over each whole list began that came to its end.
func (d *database) runs(ctx context.Context, account string) (map[rightful.ObjectType]int64, error) {
	schema := d.tables[0].schema
	var names []string
	rows, err := d.tx.Query(ctx, `SELECT table_name FROM information_schema.columns WHERE table_schema = $1 AND table_name IN ('_sync_obj_runs', '_sync_obj_run')
		AND column_name IN ('_account_id', 'object', 'status', 'run_started_at', 'created_gte', 'created_lte') GROUP BY table_name, table_schema HAVING count(*) IN (4, 6) ORDER BY 1`, schema)
	if err != nil {
		return nil, err
	}
	if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(names) == 0 {
		return nil, err
	}
	// created_gte and created_lte are not 0 where a run read only some of a list; older
	// versions do not have them.
	rows, err = d.tx.Query(ctx, `SELECT r.object, max(`+seconds("r.run_started_at")+`) FROM `+pgx.Identifier{schema, names[len(names)-1]}.Sanitize()+` r
		WHERE r._account_id = $1 AND r.status = 'complete' AND COALESCE((to_jsonb(r) ->> 'created_gte')::bigint, 0) = 0 AND COALESCE((to_jsonb(r) ->> 'created_lte')::bigint, 0) = 0 GROUP BY 1`, account)
	if err != nil {
		return nil, err
	}
	runs := map[rightful.ObjectType]int64{}
	var object string
	var began int64
	_, err = pgx.ForEachRow(rows, []any{&object, &began}, func() error {
		// Its names are in the singular and in the plural.
		for name, t := range tableNames {
			if strings.TrimSuffix(object, "s") == strings.TrimSuffix(name, "s") {
				runs[t] = max(runs[t], began)
			}
		}
		return nil
	})
	return runs, err
}
