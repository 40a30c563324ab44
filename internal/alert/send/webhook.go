package send

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rightful"
)

// webhook sends a message as JSON to any address, signed as Standard Webhooks wants
// it.
type webhook struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

// NewWebhook returns a sender of signed JSON. The secret is as SecretBytes wants it.
func NewWebhook(url, secret string, now func() time.Time) (Sender, error) {
	key, err := SecretBytes(secret)
	if err != nil {
		return nil, err
	}
	return webhook{url, key, client(), now}, nil
}

// SecretBytes reads the secret of a webhook: whsec_ and 24 to 64 bytes in base64.
// The error does not repeat it.
func SecretBytes(secret string) ([]byte, error) {
	text, is := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !is || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Message: "is no secret of a webhook: whsec_ and 24 to 64 bytes in base64",
			Hint: `make one: echo "whsec_$(openssl rand -base64 32)"`,
		}
	}
	return key, nil
}

// webhookBody is what is sent: docs/alerts.md shows it.
type webhookBody struct {
	Type      string                `json:"type"`
	Timestamp string                `json:"timestamp"` // when the message was made
	Data      rightful.AlertMessage `json:"data"`
}

// Send implements Sender. The id of the message is the same each time it is tried.
func (s webhook) Send(ctx context.Context, m rightful.AlertMessage) (string, error) {
	kind := "rightful.alerts"
	if m.Test {
		kind = "rightful.alerts.test"
	}
	body, err := json.Marshal(webhookBody{kind, time.Unix(m.At, 0).UTC().Format(time.RFC3339), m})
	if err != nil {
		return "", &Error{Message: "the message cannot be written", Permanent: true}
	}
	now := s.now()
	header := http.Header{}
	header.Set("webhook-id", m.ID)
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("webhook-signature", sign(s.secret, m.ID, now.Unix(), body))
	return post(ctx, s.client, s.url, body, header, now)
}

// sign returns the signature of a body: HMAC-SHA256 over id, time and body, joined
// by full stops.
func sign(secret []byte, id string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at, 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
