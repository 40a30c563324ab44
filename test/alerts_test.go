package test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
	"rightful/internal/config"
	"rightful/internal/state"
	"rightful/internal/wire"
)

// channels starts a server that takes what alerts send, at CHANNELS_URL: all but what
// is sent to /gone, which repeats what it was asked for.
func channels(ts *testscript.TestScript, _ bool, _ []string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/gone"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, "no_service at %s\n\x1b[2J", r.URL.Path)
		case r.URL.Path == "/v2/enqueue":
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"status":"success"}`)
		default:
			fmt.Fprint(w, "ok")
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("CHANNELS_URL", server.URL)
	// A secret stands in no file.
	ts.Setenv("HOOK_SECRET", "whsec_"+"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
}

// alerted lets an audit find something, a payment be refused, and the channels of a
// config be told of it: alerted rightful.yaml rightful.db
func alerted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: alerted CONFIG STATE")
	}
	ctx, clock := context.Background(), func() time.Time { return time.Unix(1_760_000_000, 0) }
	c, err := config.Read(ts.MkAbs(args[0]), func(name string) (string, bool) { value := ts.Getenv(name); return value, value != "" })
	ts.Check(err)
	s, err := state.Open(ctx, "sqlite:"+ts.MkAbs(args[1]), state.Options{Now: clock})
	ts.Check(err)
	company, right := "4", "11"
	result := rightful.AuditResult{AuditRecord: rightful.AuditRecord{Account: "acct_1", At: clock().Unix(), IncompleteBecause: []string{"Stripe stopped answering"}}}
	for i, code := range []rightful.Code{rightful.CodeStampMissing, rightful.CodeUnstamped} {
		info, _ := rightful.CodeNamed(code)
		result.Findings = append(result.Findings, rightful.Finding{
			ID: fmt.Sprintf("%s-%d", code, i), Account: "acct_1", Code: code, Severity: info.Severity, Object: rightful.Ref{Type: "customer", ID: fmt.Sprintf("cus_%d\x1b", i)},
			CompanyID: &company, RightfulCompanyID: &right, Message: "Bela is stamped 4.",
		})
	}
	_, err = s.RecordAudit(ctx, result)
	ts.Check(err)
	e, err := wire.Evaluator(c, s, alert.Options{}, clock)
	ts.Check(err)
	e.OnDecision(ctx, gateway.Decision{Kind: gateway.DecidedPayment, Status: gateway.OtherCompany, SessionID: "cs_1", UserID: "7", At: clock().Unix()})
	ts.Check(e.Tick(ctx))
	ts.Check(s.Close())
	if _, err := os.Stat(ts.MkAbs(args[1])); err != nil {
		ts.Fatalf("%v", err)
	}
}
