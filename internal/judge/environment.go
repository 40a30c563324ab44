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

// needed are the events without which an app does not learn what was bought and
// what ended. An endpoint that takes all events takes these.
var needed = []string{
	"checkout.session.completed",
	"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
	"invoice.paid",
}

// checkDelivery reports endpoints that receive nothing: RF905. Every link and row
// that webhooks keep then ages silently.
func (j *judge) checkDelivery() {
	if j.sit.EndpointsRead {
		for _, e := range j.sit.Endpoints {
			if e.Status == "disabled" {
				j.reportDisabled(e)
			}
		}
	}
	j.checkUndelivered()
}

func (j *judge) reportDisabled(e rightful.WebhookEndpoint) {
	finding := j.on(rightful.CodeDeliveryDead, rightful.Ref{Type: "webhook_endpoint", ID: e.ID}, nil)
	finding.Message = fmt.Sprintf("webhook endpoint %s (%s) is disabled: Stripe sends it nothing.", e.ID, e.URL)
	if lost := j.lostWith(e); len(lost) > 0 {
		finding.Message += " Nobody receives " + strings.Join(lost, ", ") + "."
	} else {
		finding.Severity = rightful.SeverityInfo
		finding.Message += " Nothing that tells of purchases is lost by it."
	}
	finding.Evidence = []rightful.Signal{{Place: "stripe:webhook_endpoint/" + e.ID + ".status", Says: e.Status, Voice: "stripe", Strength: rightful.Strong, AsOf: e.Created}}
	finding.Why = "an endpoint is enabled again in Stripe, once the address answers"
	j.report(finding)
}

// lostWith returns the needed events that a disabled endpoint took and that no
// enabled one takes.
func (j *judge) lostWith(e rightful.WebhookEndpoint) []string {
	var lost []string
	for _, event := range needed {
		taken := slices.ContainsFunc(j.sit.Endpoints, func(other rightful.WebhookEndpoint) bool {
			return other.Status == "enabled" && takes(other, event)
		})
		if takes(e, event) && !taken {
			lost = append(lost, event)
		}
	}
	return lost
}

// takes reports whether an endpoint receives events of the type.
func takes(e rightful.WebhookEndpoint, event string) bool {
	return slices.ContainsFunc(e.EnabledEvents, func(pattern string) bool {
		ok, err := path.Match(pattern, event)
		return err == nil && ok
	})
}

// wantedByAny reports whether an enabled endpoint takes events of the type: others
// are never pending, and say nothing of delivery.
func (j *judge) wantedByAny(event string) bool {
	return !j.sit.EndpointsRead || slices.ContainsFunc(j.sit.Endpoints, func(e rightful.WebhookEndpoint) bool {
		return e.Status == "enabled" && takes(e, event)
	})
}

// checkUndelivered reports events that an endpoint has not acknowledged for longer
// than the grace period. While later ones arrive, only some were lost; when none
// does, nothing arrives.
func (j *judge) checkUndelivered() {
	var oldest rightful.Event
	var arrived, lost int64 // when the newest of each was made
	late := 0
	for _, e := range j.sit.Events {
		if e.PendingWebhooks == 0 {
			if j.wantedByAny(e.Type) {
				arrived = max(arrived, e.Created)
			}
			continue
		}
		if j.sit.Now-e.Created < GracePeriod {
			continue
		}
		late++
		lost = max(lost, e.Created)
		if oldest.ID == "" || e.Created < oldest.Created || e.Created == oldest.Created && e.ID < oldest.ID {
			oldest = e
		}
	}
	if late == 0 {
		return
	}
	finding := j.on(rightful.CodeDeliveryDead, rightful.Ref{Type: "event", ID: oldest.ID}, nil)
	finding.Message = fmt.Sprintf("%d events were not acknowledged by a webhook endpoint; the oldest is %s (%s).", late, oldest.ID, oldest.Type)
	if arrived >= lost {
		finding.Severity = rightful.SeverityWarning
		finding.Message += " Later ones arrived."
	}
	finding.Also = []string{oldest.ObjectID}
	finding.Evidence = []rightful.Signal{{Place: "stripe:event/" + oldest.ID + ".pending_webhooks", Says: fmt.Sprint(oldest.PendingWebhooks), Voice: "stripe", Strength: rightful.Strong, AsOf: oldest.Created}}
	finding.Why = "the endpoint has to answer again; Stripe goes on trying for three days"
	j.report(finding)
}
