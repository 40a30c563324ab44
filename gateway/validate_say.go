package gateway

import (
	"fmt"
	"strings"

	"rightful"
)

// buyerSays is what may be shown to anybody about a payment: it names nobody.
func buyerSays(status Status) string {
	switch status {
	case Valid:
		return "Thank you. Your purchase is complete."
	case Processing:
		return "Your payment is on its way. Please do not pay again."
	case NotPaid:
		return "This payment was not completed. You can go back and pay, or start again."
	case Expired:
		return "This payment page has expired, and nothing was charged. Please start again."
	case OtherCompany:
		return "This payment belongs to another account. Please sign in with the account that made it, or contact support."
	case CompanyGone:
		return "The account that this payment was made for is no longer there. Please contact support."
	case NoCompany:
		return "We cannot tell yet which account this payment is for. Please do not pay again, and contact support."
	case NeedsSignIn:
		return "Please sign in to see this payment."
	}
	return "We do not know this payment. If you have paid, please contact support."
}

// operatorSays is what happened, and what to do next. What is another company's is
// named to operators only.
func (s *seen) operatorSays(status Status, operator bool) string {
	about := quoted(s.id)
	if s.known {
		about = s.id
	}
	next := " Look: rightful investigate " + s.id + "."
	switch status {
	case UnknownSession:
		return s.saysUnknown(about, operator)
	case WrongMode:
		return fmt.Sprintf("%s is a session of %s, and the Stripe key opens %s. Look which key the return page's server has.", about, modeName(!s.account.Livemode), modeName(s.account.Livemode))
	case NeedsSignIn:
		if s.user == "" {
			return about + " was asked about by nobody who is signed in. Whose a payment is, is never told by an email: send the buyer to sign in, and ask again."
		}
		return fmt.Sprintf("%s was asked about for user %s, whom the database does not have, or not as active. Send the buyer to sign in, and ask again.", about, quoted(s.user))
	case OtherCompany:
		text := fmt.Sprintf("%s is not a payment of any company of user %s.", about, s.user)
		if operator {
			text += " " + s.whoseItIs()
		}
		return text + " Find out how the user came by the id, or whether the user lacks a membership." + next
	case CompanyGone:
		text := about + " was bought for a company that is not there any more."
		if operator {
			text = about + ": " + s.whoseItIs()
		}
		return text + " rightful neither cancels nor refunds: decide what becomes of the payment." + next
	case NoCompany:
		return s.saysNoCompany(about, operator) + next
	}
	text := about + " is " + s.whoseText() + ". "
	switch status {
	case Valid:
		text += "It is paid, or there was nothing to pay."
	case Processing:
		text += "It is complete, and the money is on its way: wait for Stripe's checkout.session.async_payment_succeeded before you give access."
	case NotPaid:
		text += "It is not paid."
		if s.checkout.Session.Status == "complete" {
			text += " The money was on its way and did not arrive: the buyer has to pay again."
		}
	case Expired:
		text += "It expired, and nothing was paid. Make a new session."
	}
	if wrong := s.wrong(operator); wrong != "" {
		text += " Found: " + wrong + "." + next
	}
	return text
}

func modeName(live bool) string {
	if live {
		return "live mode"
	}
	return "test mode"
}

func (s *seen) saysUnknown(about string, operator bool) string {
	switch {
	case s.known && operator && s.bought.Foreign:
		return about + " is tagged as another application's."
	case s.known && operator:
		return about + " carries no tag of this application, and no link, row or stamp of it reaches it."
	}
	return about + " is no checkout session of this application in this account and mode. Look whether the return page got the whole id ({CHECKOUT_SESSION_ID} in success_url)."
}

// saysNoCompany tells a payment that nothing names a company for from one that
// several are named for.
func (s *seen) saysNoCompany(about string, operator bool) string {
	switch {
	case !s.bought.Contested:
		return fmt.Sprintf("Nothing says which company %s is for: no stamp, link, row or signed-in buyer stands on it.", about)
	case operator:
		return fmt.Sprintf("%s: %s", about, s.whoseItIs())
	}
	return fmt.Sprintf("Companies are named for %s, and none prevails; user %s does not belong to all of them.", about, s.user)
}

// whoseItIs is for operators.
func (s *seen) whoseItIs() string {
	b := s.bought
	switch {
	case b.Contested && len(b.Companies) == 1:
		return "Company " + b.RawID(b.Companies[0]) + " is named, and its buyer is known not to have belonged to it."
	case b.Contested:
		return "Companies " + strings.Join(s.raw(b.Companies), ", ") + " are named, and none prevails."
	case len(b.Companies) > 0:
		return "It is company " + strings.Join(s.raw(b.Companies), "'s, and today company ") + "'s."
	}
	return "It was bought for company " + quoted(b.Gone) + ", which is not there."
}

// whoseText says whose a payment of the user is.
func (s *seen) whoseText() string {
	if s.several {
		return "a payment of user " + s.user + "; for which of the user's companies (" + strings.Join(s.raw(s.bought.Companies), ", ") + "), nobody can say"
	}
	if s.perhaps {
		return "a payment of user " + s.user + ", for a company that the user does not belong to today; whether the user did then, the database keeps no history of"
	}
	return "company " + s.bought.RawID(s.company) + "'s"
}

func (s *seen) raw(companies []string) []string {
	var out []string
	for _, c := range companies {
		out = append(out, s.bought.RawID(c))
	}
	return out
}

// wrong lists the codes of what was found that is more than information.
func (s *seen) wrong(operator bool) string {
	var out []string
	for _, f := range s.shown(operator) {
		if text := fmt.Sprintf("%s on %s (%s)", f.Code, f.Object.ID, f.Title); f.Severity != rightful.SeverityInfo {
			out = append(out, text)
		}
	}
	return strings.Join(out, "; ")
}
