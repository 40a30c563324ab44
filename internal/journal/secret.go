package journal

import (
	"fmt"
	"regexp"

	"rightful"
)

// looksSecret matches keys of Stripe, secrets of webhooks, tokens in headers, and
// passwords in addresses.
var looksSecret = regexp.MustCompile(`\b(?:sk|rk|ek)_(?:org_)?(?:live|test)_\w+|\bwhsec_\w+|(?i:\bbearer\s+)\S+|://[^\s/:@]*:[^\s/@]+@`)

// HoldsSecret reports whether a text seems to hold a secret.
func HoldsSecret(text string) bool { return looksSecret.MatchString(text) }

// scrub takes secrets out of a text for people.
func scrub(text string) string { return looksSecret.ReplaceAllString(text, "***") }

// withoutSecrets returns a body without secrets in its texts for people. A value
// of a step that looks like one is an error: without it the step could not be
// taken back, and so it must not be written.
func withoutSecrets(body any) (any, error) {
	switch b := body.(type) {
	case Start:
		b.Actor, b.Reason, b.Approver, b.Holder = scrub(b.Actor), scrub(b.Reason), scrub(b.Approver), scrub(b.Holder)
		return b, nil
	case Continuation:
		b.Actor, b.Reason, b.Holder = scrub(b.Actor), scrub(b.Reason), scrub(b.Holder)
		return b, nil
	case Intent:
		return b, b.Step.refuseSecrets()
	case Outcome:
		b.Why = scrub(b.Why)
		// What somebody else wrote there is not needed to take anything back.
		if b.Seen != nil && b.Seen.Value != nil && HoldsSecret(*b.Seen.Value) {
			hidden := scrub(*b.Seen.Value)
			b.Seen = &Seen{Value: &hidden}
		}
		return b, b.Step.refuseSecrets()
	case UnitEnd:
		b.Why = scrub(b.Why)
		return b, nil
	case RunEnd:
		b.Why = scrub(b.Why)
		return b, nil
	case Approval:
		b.Approver, b.SavedBy = scrub(b.Approver), scrub(b.SavedBy)
		return b, nil
	}
	return nil, fmt.Errorf("journal: %T is the body of no record", body)
}

// refuseSecrets reports a value that looks like a secret, without saying it.
func (s Step) refuseSecrets() error {
	values := []string{s.Object.ID, s.Field, s.Unit}
	for _, v := range []*string{s.From, s.To, s.Precondition.Value} {
		if v != nil {
			values = append(values, *v)
		}
	}
	if s.Reverse != nil && s.Reverse.To != nil {
		values = append(values, *s.Reverse.To)
	}
	for _, v := range values {
		if HoldsSecret(v) {
			return &rightful.Error{
				Kind: rightful.KindInvalid, Place: "journal", Message: s.ID + " holds what looks like a secret, and the journal keeps none",
				Hint: "decide its finding as leave, and repair it by hand", Err: ErrSecret,
			}
		}
	}
	return nil
}
