package gateway

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"rightful"
)

// Watched is one event of Stripe as it was judged.
type Watched struct {
	At       int64                `json:"at"` // when it came: accepted here, or made, where Stripe's list is read; Unix seconds
	EventID  string               `json:"event_id"`
	Type     string               `json:"type"`    // Stripe's, e.g. checkout.session.completed
	Created  int64                `json:"created"` // by Stripe's clock, Unix seconds
	Object   rightful.Ref         `json:"object"`
	Family   string               `json:"family"` // whose payments belong together: a customer, or the payment of a guest
	Status   rightful.InboxStatus `json:"status"`
	Account  string               `json:"account"`
	Livemode bool                 `json:"livemode"`

	CompanyID  *string          `json:"company_id"` // the live company that it belongs to, as the database prints it
	Stamp      *string          `json:"stamp"`      // the company in the object's metadata, as it stands there
	UserID     *string          `json:"user_id"`    // the user in the object's metadata
	Paid       bool             `json:"paid"`       // it says that something was paid, or was to be had for nothing
	Amount     *WatchedAmount   `json:"amount"`     // of the object; an inbox keeps none
	Findings   []WatchedFinding `json:"findings"`   // on the family, sorted by code
	Superseded bool             `json:"superseded"` // something newer was known of the object
	Again      bool             `json:"again"`      // it was told before, with another status
}

// WatchedAmount is what an object costs.
type WatchedAmount struct {
	Minor    int64  `json:"minor"` // minor units
	Currency string `json:"currency"`
	Per      string `json:"per"` // month or the like of a subscription; empty: once
}

// WatchedFinding is a finding, as far as events are judged.
type WatchedFinding struct {
	Code     rightful.Code     `json:"code"`
	Severity rightful.Severity `json:"severity"`
	Title    string            `json:"title"`
}

// Troubled reports whether there is an error or a warning.
func (w Watched) Troubled() bool {
	return slices.ContainsFunc(w.Findings, func(f WatchedFinding) bool { return f.Severity != rightful.SeverityInfo })
}

// WatchOptions say what is watched and how. Of Inbox and the pair of Stripe and
// Directory, one is required.
type WatchOptions struct {
	// Inbox is where events are accepted and judged by others: nothing is asked of
	// Stripe and the database then.
	Inbox rightful.InboxLog

	// Stripe is whose list of events is read, and Directory what they are judged with,
	// as a Webhooks judges, without keeping anything.
	Stripe    rightful.StripeReader
	Directory rightful.DirectoryReader
	// OwnershipValue, Placeholders, Account and Livemode are those of Options.
	OwnershipValue string
	Placeholders   []*regexp.Regexp
	Account        string
	Livemode       *bool

	Keys rightful.KeySet // metadata keys that carry identity

	// Off are codes that are not told, and Severity what findings of a code are told as.
	Off      map[rightful.Code]bool
	Severity map[rightful.Code]rightful.Severity

	Since int64         // Unix seconds: what came since is told first; 0: only what comes from now on
	Every time.Duration // between two looks; required

	// OnTrouble is told once when there is nothing to be seen for a while, and of nil
	// when there is again. It may be nil.
	OnTrouble func(error)
	// Now replaces the clock, and Wait how time passes between two looks, in tests. Wait
	// returns when the context ends, too.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration)
}

// Watch follows events as they are judged. It writes nothing anywhere.
type Watch struct {
	o      WatchOptions
	source watchSource
}

// watchSource is where events are seen.
type watchSource interface {
	// account returns the account that is watched, where that is known.
	account(ctx context.Context) (rightful.Account, error)
	// look shows what is new. After an error it goes on where it was, and shows
	// nothing twice. An error of show is returned as it is.
	look(ctx context.Context, show showing) error
	// stuck says what keeps events from being seen although every look succeeds; nil
	// for nothing.
	stuck() error
}

// showing shows an event that was judged, and whether it was shown before with another
// status.
type showing func(e rightful.InboxEvent, o watchedObject, again bool) error

// watchedObject is what is known of an event's object.
type watchedObject struct {
	fields *objectFields // nil: nothing
	amount *WatchedAmount
}

// NewWatch returns a Watch. Errors are of kind invalid.
func NewWatch(o WatchOptions) (*Watch, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Every <= 0 {
		return nil, wrongOption("Every", "it is required")
	}
	w := &Watch{o: o}
	if o.Inbox != nil {
		w.source = newInboxSource(o)
		return w, nil
	}
	if o.Stripe == nil {
		return nil, wrongOption("Inbox", "it, or Stripe and Directory, are required")
	}
	source, err := newListSource(o)
	if err != nil {
		return nil, err
	}
	w.source = source
	return w, nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Account reads which account is watched. Of an inbox it is zero: that may have events of
// several. An error is of kind refused for another account or mode than the expected
// one, else as those of the reader.
func (w *Watch) Account(ctx context.Context) (rightful.Account, error) {
	return w.source.account(ctx)
}

// backOff is how often at most the time between two looks is doubled after failures,
// and never beyond longestWait.
const (
	backOff     = 4
	longestWait = 5 * time.Minute
)

// Run shows events until the context ends, which is no error, or show returns an error,
// which it returns. An error of the first look ends it too; later ones are told to
// OnTrouble, and it goes on. Events are shown in the order in which they came, as far as
// they are judged by then, each once; one that was unknown is shown again when that
// changes.
func (w *Watch) Run(ctx context.Context, show func(Watched) error) error {
	var ended error
	tell := func(e rightful.InboxEvent, o watchedObject, again bool) error {
		ended = show(w.watched(e, o, again))
		return ended
	}
	failures, begun, troubled := 0, false, false
	for ctx.Err() == nil {
		err := w.source.look(ctx, tell)
		switch {
		case ended != nil:
			return ended
		case ctx.Err() != nil:
			return nil
		case err != nil && !begun:
			return err
		}
		begun = true
		if failures++; err == nil {
			failures, err = 0, w.source.stuck()
		}
		if w.o.OnTrouble != nil && (err != nil) != troubled {
			w.o.OnTrouble(err)
		}
		troubled = err != nil
		w.o.Wait(ctx, max(w.o.Every, min(w.o.Every<<min(failures, backOff), longestWait)))
	}
	return nil
}

// watched tells of an event.
func (w *Watch) watched(e rightful.InboxEvent, o watchedObject, again bool) Watched {
	out := Watched{
		At: e.ReceivedAt, EventID: e.ID, Type: e.Type, Created: e.Created, Object: rightful.Ref{Type: string(e.ObjectType), ID: e.ObjectID},
		Family: e.Family, Status: e.Status, Account: e.Account, Livemode: e.Livemode, CompanyID: orNil(e.CompanyID), Amount: o.amount,
		Findings: w.findings(e.Codes), Superseded: e.Superseded, Again: again,
	}
	status := ""
	if o.fields != nil {
		status = o.fields.PaymentStatus
		out.UserID = orNil(o.fields.Metadata[w.o.Keys.User])
		for _, key := range append([]string{w.o.Keys.Company}, w.o.Keys.AlsoRead...) {
			if out.Stamp == nil {
				out.Stamp = orNil(o.fields.Metadata[key])
			}
		}
	}
	out.Paid = saysPaid(e.Type, status)
	return out
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// saysPaid reports whether an event says that a purchase is settled. A completed session
// may still be unpaid (docs.stripe.com/payments/checkout/fulfill-orders).
func saysPaid(kind, paymentStatus string) bool {
	switch kind {
	case "checkout.session.completed":
		return paymentStatus == "paid" || paymentStatus == "no_payment_required"
	case "checkout.session.async_payment_succeeded", "invoice.paid", "invoice.payment_succeeded", "payment_intent.succeeded", "charge.succeeded":
		return true
	}
	return false
}

// findings describes codes. Information is not among those that events are judged with.
func (w *Watch) findings(codes []string) []WatchedFinding {
	out := []WatchedFinding{}
	for _, c := range codes {
		code := rightful.Code(c)
		if w.o.Off[code] {
			continue
		}
		f := WatchedFinding{Code: code, Severity: rightful.SeverityWarning}
		if info, known := rightful.CodeNamed(code); known {
			f.Title = info.Title
			if info.Severity == rightful.SeverityError {
				f.Severity = info.Severity
			}
		}
		if told, set := w.o.Severity[code]; set {
			f.Severity = told
		}
		out = append(out, f)
	}
	return out
}

// fieldsIn reads what was kept of an object; nil when it is of a later version.
func fieldsIn(snapshot string) *objectFields {
	var f objectFields
	if snapshot == "" || json.Unmarshal([]byte(snapshot), &f) != nil {
		return nil
	}
	return &f
}

// readOnly is a Stripe that is read and never written: who watches changes nothing.
type readOnly struct{ rightful.StripeReader }

var errReadOnly = &rightful.Error{Kind: rightful.KindForbidden, Place: "stripe", Message: "who watches writes nothing", Err: errors.ErrUnsupported}

// Checkout implements Stripe, as the others do.
func (readOnly) Checkout(context.Context, string) (rightful.Checkout, rightful.Existence, error) {
	return rightful.Checkout{}, rightful.ExistsUnknown, errReadOnly
}

// CreateCustomer refuses.
func (readOnly) CreateCustomer(context.Context, rightful.NewCustomer) (rightful.Object, error) {
	return rightful.Object{}, errReadOnly
}

// CreateCheckout refuses.
func (readOnly) CreateCheckout(context.Context, rightful.NewCheckout) (rightful.Checkout, error) {
	return rightful.Checkout{}, errReadOnly
}

// CreatePortal refuses.
func (readOnly) CreatePortal(context.Context, rightful.NewPortal) (rightful.Portal, error) {
	return rightful.Portal{}, errReadOnly
}

// ExpireCheckout refuses.
func (readOnly) ExpireCheckout(context.Context, string) error { return errReadOnly }

// SetMetadata refuses.
func (readOnly) SetMetadata(context.Context, rightful.MetadataWrite) error { return errReadOnly }
