package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Bounds of a signature header. Stripe sends about a hundred bytes; while a secret
// is rolled, one v1 for each of the secrets that are good
// (docs.stripe.com/webhooks/signature).
const (
	maxSignatureHeader = 4 << 10
	maxSignatures      = 16
	maxTimestampDigits = 12
)

// signature is a Stripe-Signature header that has the right form.
type signature struct {
	stamp string // the time as it stands in the header: that is what is signed
	at    int64  // Unix seconds
	macs  [][sha256.Size]byte
}

// parseSignature reads the header. Schemes other than v1 are left out, as Stripe
// demands: v0 is for tests and proves nothing. It returns "" or why the header is
// refused, before anything costs time.
func parseSignature(header string) (s signature, refused string) {
	switch {
	case header == "":
		return s, "there is no Stripe-Signature header"
	case len(header) > maxSignatureHeader:
		return s, "the Stripe-Signature header is too long"
	}
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.TrimSpace(name) {
		case "t":
			at, ok := parseTimestamp(value)
			if !ok || s.stamp != "" {
				return s, "the Stripe-Signature header has no time that can be read"
			}
			s.stamp, s.at = value, at
		case "v1":
			var mac [sha256.Size]byte
			if len(value) != hex.EncodedLen(len(mac)) {
				continue
			}
			if _, err := hex.Decode(mac[:], []byte(value)); err != nil {
				continue
			}
			if len(s.macs) == maxSignatures {
				return s, "the Stripe-Signature header has too many signatures"
			}
			s.macs = append(s.macs, mac)
		}
	}
	switch {
	case s.stamp == "":
		return s, "the Stripe-Signature header has no time that can be read"
	case len(s.macs) == 0:
		return s, "the Stripe-Signature header has no v1 signature"
	}
	return s, ""
}

func parseTimestamp(text string) (int64, bool) {
	if text == "" || len(text) > maxTimestampDigits || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	at, err := strconv.ParseInt(text, 10, 64)
	return at, err == nil
}

// timely reports whether the signature is of about now. One from the future is
// refused as well: it would stay good for longer than the tolerance.
func (s signature) timely(now time.Time, tolerance time.Duration) bool {
	return now.Sub(time.Unix(s.at, 0)).Abs() <= tolerance
}

// good reports whether one of the secrets made one of the signatures of the body.
// How long it takes tells nothing about the signatures.
func (s signature) good(body []byte, secrets []string) bool {
	found := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(s.stamp))
		mac.Write([]byte{'.'})
		mac.Write(body)
		want := mac.Sum(nil)
		for _, given := range s.macs {
			found = hmac.Equal(want, given[:]) || found
		}
	}
	return found
}
