package judge

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"rightful"
)

// checkForeign reports rows that name subscriptions of another application: RF903.
func (j *judge) checkForeign() {
	for _, r := range j.sit.SubscriptionRows {
		s, known := j.subs[r.StripeSubscriptionID]
		if !known || s.f.owner != foreign {
			continue
		}
		finding := j.on(rightful.CodeForeignObject, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}, nil)
		finding.CompanyID = ptr(r.CompanyID)
		finding.Message = fmt.Sprintf("row %s names %s, whose customer is tagged as another application's.", r.ID, s.ID)
		finding.WrongValue = ptr(r.StripeSubscriptionID)
		finding.Also = []string{s.ID, s.StripeCustomerID}
		finding.Evidence = []rightful.Signal{j.rowSays(r, "stripe_subscription_id", r.StripeSubscriptionID)}
		finding.Why = "either the row or the tag is wrong: a person decides, and nothing of another application is ever written"
		j.report(finding)
	}
}

// checkAccounts reports connected accounts whose events arrive and whose objects
// nobody reads: RF904.
func (j *judge) checkAccounts() {
	seen := map[string]rightful.Event{}
	count := map[string]int{}
	for _, e := range j.sit.Events {
		if e.Account == "" || e.Account == j.sit.Account.ID {
			continue
		}
		if count[e.Account]++; count[e.Account] == 1 {
			seen[e.Account] = e
		}
	}
	for _, account := range sortedKeys(seen) {
		e := seen[account]
		finding := j.on(rightful.CodeUnknownAccount, rightful.Ref{Type: "account", ID: account}, nil)
		finding.Message = fmt.Sprintf("%d events are of account %s, and this run reads %s: their objects do not exist here.", count[account], account, j.sit.Account.ID)
		finding.WrongValue = ptr(account)
		finding.Also = []string{e.ID, e.ObjectID}
		finding.Evidence = []rightful.Signal{{Place: "stripe:event/" + e.ID + ".account", Says: account, Voice: "stripe", Strength: rightful.Strong, AsOf: e.Created}}
		finding.Why = "which accounts belong to the app is said by its configuration"
		j.report(finding)
	}
}

// deliveryLate is how old an event may be, in seconds, before an endpoint that has
// not acknowledged it is called dead. Stripe goes on trying for three days (docs,
// webhooks: automatic retries).
const deliveryLate = 24 * 60 * 60

// checkDelivery reports endpoints that receive nothing: RF905. Every link and row
// that webhooks keep then ages silently.
func (j *judge) checkDelivery() {
	if !j.sit.EndpointsRead {
		return
	}
	for _, e := range j.sit.Endpoints {
		if e.Status != "disabled" {
			continue
		}
		finding := j.on(rightful.CodeDeliveryDead, rightful.Ref{Type: "webhook_endpoint", ID: e.ID}, nil)
		finding.Message = fmt.Sprintf("webhook endpoint %s (%s) is disabled: Stripe sends it nothing.", e.ID, e.URL)
		if lost := j.uncovered(e); len(lost) == 0 {
			finding.Severity = rightful.SeverityInfo
			finding.Message += " An enabled endpoint receives the same events."
		} else {
			finding.Message += " Nobody receives " + strings.Join(lost, ", ") + "."
		}
		finding.Evidence = []rightful.Signal{{Place: "stripe:webhook_endpoint/" + e.ID + ".status", Says: e.Status, Voice: "stripe", Strength: rightful.Strong, AsOf: e.Created}}
		finding.Why = "an endpoint is enabled again in Stripe, once the address answers"
		j.report(finding)
	}
	j.checkUndelivered()
}

// uncovered returns the event types of a disabled endpoint that no enabled one
// receives.
func (j *judge) uncovered(e rightful.WebhookEndpoint) []string {
	var lost []string
	for _, wanted := range e.EnabledEvents {
		if !slices.ContainsFunc(j.sit.Endpoints, func(other rightful.WebhookEndpoint) bool {
			return other.Status == "enabled" && slices.ContainsFunc(other.EnabledEvents, func(pattern string) bool { return receives(pattern, wanted) })
		}) {
			lost = append(lost, wanted)
		}
	}
	return lost
}

// receives reports whether an endpoint's pattern takes in a wanted event type.
func receives(pattern, wanted string) bool {
	ok, err := path.Match(pattern, wanted)
	return pattern == "*" || pattern == wanted || err == nil && ok && wanted != "*"
}

// checkUndelivered reports the oldest event that an endpoint has not acknowledged
// for longer than Stripe's first retries take.
func (j *judge) checkUndelivered() {
	var oldest rightful.Event
	late := 0
	for _, e := range j.sit.Events {
		if e.PendingWebhooks == 0 || j.sit.Now-e.Created < GracePeriod {
			continue
		}
		late++
		if oldest.ID == "" || e.Created < oldest.Created {
			oldest = e
		}
	}
	if late == 0 {
		return
	}
	finding := j.on(rightful.CodeDeliveryDead, rightful.Ref{Type: "event", ID: oldest.ID}, nil)
	finding.Severity = rightful.SeverityWarning
	if j.sit.Now-oldest.Created >= deliveryLate {
		finding.Severity = rightful.SeverityError
	}
	finding.Message = fmt.Sprintf("%d events were not acknowledged by a webhook endpoint; the oldest is %s (%s).", late, oldest.ID, oldest.Type)
	finding.Also = []string{oldest.ObjectID}
	finding.Evidence = []rightful.Signal{{Place: "stripe:event/" + oldest.ID + ".pending_webhooks", Says: fmt.Sprint(oldest.PendingWebhooks), Voice: "stripe", Strength: rightful.Strong, AsOf: oldest.Created}}
	finding.Why = "the endpoint has to answer again; Stripe then delivers what is not older than three days"
	j.report(finding)
}
