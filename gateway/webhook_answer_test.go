package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
)

// TestRefusedEventsAreProblems: an embedded handler answers as rightful serve does, and
// tells who counts why.
func TestRefusedEventsAreProblems(t *testing.T) {
	t.Parallel()
	var refused []string
	fresh := map[bool]int{}
	h := openHooks(t, func(o *gateway.WebhookOptions) {
		o.MaxBody = 1000
		o.Tally = gateway.Tally{
			Refused: func(code string) { refused = append(refused, code) }, Received: func(is bool) { fresh[is]++ },
			CaughtUp: func(context.Context, int, []rightful.Ref) {},
		}
	})
	body := eventBody("evt_1")
	for _, tt := range []struct {
		method, body, header string
		status               int
		code                 string
	}{
		{"POST", body, "", 400, gateway.EventBadSignature},
		{"POST", body, signed("whsec_other", body, hookAt), 400, gateway.EventBadSignature},
		{"POST", body, signed(hookSecret, body, hookAt-3600), 400, gateway.EventOutOfTime},
		{"POST", "[]", signed(hookSecret, "[]", hookAt), 400, gateway.EventBadBody},
		{"POST", strings.Repeat(" ", 2000), signed(hookSecret, body, hookAt), 413, gateway.EventTooLarge},
		{"GET", "", "", 405, gateway.EventMethod},
	} {
		req := httptest.NewRequest(tt.method, "/hooks", strings.NewReader(tt.body))
		req.Header.Set("Stripe-Signature", tt.header)
		res := httptest.NewRecorder()
		res.Header().Set("X-Request-Id", "req-1")
		h.ServeHTTP(res, req)
		var p struct {
			Type, Title, Detail, Instance, Code string
			Status                              int
		}
		if err := json.Unmarshal(res.Body.Bytes(), &p); err != nil || res.Code != tt.status || p.Status != tt.status || p.Code != tt.code ||
			p.Type != "about:blank" || p.Title == "" || p.Detail == "" || p.Instance != "req-1" || res.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.20s: %d %s", tt.method, tt.body, res.Code, res.Body)
		}
		if (res.Header().Get("Allow") == http.MethodPost) != (tt.status == 405) {
			t.Errorf("%s: Allow %q", tt.method, res.Header().Get("Allow"))
		}
	}
	for range 2 {
		if res := h.post(body, signed(hookSecret, body, hookAt)); res.Code != 200 {
			t.Errorf("%d %s", res.Code, res.Body)
		}
	}
	if want := []string{"bad_signature", "bad_signature", "out_of_time", "bad_body", "too_large"}; !slices.Equal(refused, want) {
		t.Errorf("refused: %v", refused)
	}
	if fresh[true] != 1 || fresh[false] != 1 {
		t.Errorf("received: %v", fresh)
	}
}
