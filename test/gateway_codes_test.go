package test

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/gateway/fromfile"
)

// TestCodesAreToldAsConfigured: a code that is off is off in what the gateway tells, and
// has the severity that is configured, as in an audit. What is decided is the same.
func TestCodesAreToldAsConfigured(t *testing.T) {
	t.Parallel()
	validated := func(codes map[string]any) (gateway.Validation, gateway.Decision) {
		t.Helper()
		r, _ := foundingOn(t, 0)
		r.config["codes"] = codes
		var decided []gateway.Decision
		g, err := fromfile.Open(t.Context(), r.write(t), fromfile.Options{
			Env: r.lookup, State: "sqlite:" + filepath.Join(t.TempDir(), "state.db"), Now: func() time.Time { return time.Unix(r.now, 0) },
			OnDecision: func(_ context.Context, d gateway.Decision) { decided = append(decided, d) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = g.Close() })
		v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_live_a1belaPaid00001", UserID: "7", Operator: true})
		if err != nil || len(decided) != 1 {
			t.Fatalf("%v, decided %+v", err, decided)
		}
		return v, decided[0]
	}
	find := func(findings []rightful.Finding) *rightful.Finding {
		if i := slices.IndexFunc(findings, func(f rightful.Finding) bool { return f.Code == "RF101" }); i >= 0 {
			return &findings[i]
		}
		return nil
	}
	plain, whole := validated(map[string]any{})
	if f := find(plain.Findings); f == nil || f.Severity == rightful.SeverityInfo || !slices.Contains(whole.Codes, "RF101") || find(whole.Findings) == nil || !strings.Contains(plain.OperatorMessage, "RF101") {
		t.Fatalf("the test is wrong: %+v %+v", plain, whole)
	}
	off, decided := validated(map[string]any{"RF101": "off"})
	if find(off.Findings) != nil || strings.Contains(off.OperatorMessage, "RF101") || slices.Contains(decided.Codes, "RF101") || find(decided.Findings) != nil {
		t.Errorf("it is off, and told: %s %v", off.OperatorMessage, decided.Codes)
	}
	info, _ := validated(map[string]any{"RF101": "info"})
	if f := find(info.Findings); f == nil || f.Severity != rightful.SeverityInfo {
		t.Errorf("it is information, and told as %+v", f)
	}
	for _, v := range []gateway.Validation{off, info} {
		if v.Status != plain.Status || v.Decision != plain.Decision || v.Enforced != plain.Enforced || !reflect.DeepEqual(v.CompanyID, plain.CompanyID) {
			t.Errorf("decided %+v, and with the code %+v", v, plain)
		}
	}
}
