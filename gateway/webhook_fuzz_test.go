package gateway

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rightful"
)

func FuzzSignatureHeader(f *testing.F) {
	for _, seed := range []string{
		"", "t=1,v1=", "t=1760000000,v1=" + strings.Repeat("ab", 32), "t=1,t=2", "v1=x,t=01", ",,,=", "t=1760000000,v0=a,v1=" + strings.Repeat("0F", 32) + ",v1=zz",
	} {
		f.Add(seed, []byte("{}"))
	}
	secrets := []string{"whsec_1", "whsec_2"}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		s, refused := parseSignature(header)
		if refused != "" {
			if header != "" && len(header) > 20 && strings.Contains(refused, header) {
				t.Error("the header is repeated")
			}
			return
		}
		if s.at < 0 || len(s.macs) == 0 || len(s.macs) > maxSignatures || len(header) > maxSignatureHeader {
			t.Errorf("taken: %q", header)
		}
		s.timely(time.Unix(0, 0), time.Minute)
		if s.good(body, secrets) {
			t.Error("somebody guessed a signature")
		}
	})
}

func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[", `{"id":"evt_1","object":"event","type":"customer.updated","created":1,"livemode":true,"data":{"object":{"id":"cus_1","object":"customer","metadata":{"company_id":"4"}}}}`,
		`{"id":"evt_1","object":"event","type":"a","created":1e999,"data":{"object":{}}}`,
		`{"id":"evt_1","object":"event","type":"customer.subscription.updated","created":2,"request":"req","data":{"object":{"id":"sub_1","object":"subscription","customer":{"id":"cus_1","deleted":true}},"previous_attributes":{"metadata":{"company_id":null,"org":"x"}}}}`,
		`{"id":"evt_1","object":"v2.core.event","type":"v1.customer.updated","created":"2026-11-23T10:00:00Z","context":"org_1/acct_1","related_object":{"id":"cus_1","type":"customer"}}`,
		`{"id":"evt_1","id":"evt_2","object":"event"}`,
	} {
		f.Add([]byte(seed))
	}
	keys := rightful.KeySet{Company: "company_id", User: "user_id"}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeEvent(body, keys)
		if err != nil {
			if e.ID != "" {
				t.Error("a refused event has an id")
			}
			return
		}
		if !json.Valid(body) || !utf8.Valid(body) {
			t.Fatalf("taken: %q", body)
		}
		if !isStripeID(e.ID) || !isStripeID(e.Type) || e.Created < 0 || e.Shard < 0 || e.Shard >= rightful.InboxShards || len(e.Payload) > maxPayload {
			t.Fatalf("got %+v", e)
		}
		if e.Status == rightful.InboxPending && (!isStripeID(e.ObjectID) || !isStripeID(e.Family)) {
			t.Fatalf("about nothing: %+v", e)
		}
		if e.Payload == "" {
			return
		}
		var p eventPayload
		if err := json.Unmarshal([]byte(e.Payload), &p); err != nil || p.Object == nil || p.Object.ID != e.ObjectID || strings.ContainsRune(e.Payload, 0) {
			t.Fatalf("%v: %s", err, e.Payload)
		}
	})
}
