package test

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v86"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/knock"
	"rightful/internal/testserver"
	"rightful/internal/wire"
)

// TestPostdeployOnRealParts: the old code disagrees, the new one agrees, from each
// database, and nothing is written.
func TestPostdeployOnRealParts(t *testing.T) {
	t.Parallel()
	for i, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			r, _ := foundingOn(t, i)
			a := deploy("old")
			t.Cleanup(a.close)
			a.behind(r)
			code, out, errs := r.rightful(t, "postdeploy", "--format", "json", "--expect-revision", "new", "--wait", "0s", "--webhook-url", a.server.URL+"/hooks/good?token=s3cret")
			got := postdeployed(t, out)
			if code != 2 || errs != "" || !got.Complete || got.Agrees {
				t.Fatalf("exit %d: %s%s", code, out, errs)
			}
			if got.Users != (engine.UsersChecked{Known: 2, Seed: foundingNow, Checked: 2, Agree: 1, Disagree: 1}) {
				t.Errorf("users: %+v", got.Users)
			}
			want := []engine.Disagreement{{UserID: "7", App: new("4"), Codes: []rightful.Code{rightful.CodeDeployOther},
				Ways: engine.PostdeployWays{Direct: "11", Owner: []string{"11"}, Membership: []string{"11"}, Resolver: "11"}}}
			if diff := cmp.Diff(want, got.Disagreements); diff != "" {
				t.Error(diff)
			}
			if codes := findingCodes(got.Findings); !slices.Equal(codes, []rightful.Code{rightful.CodeDeployRevision, rightful.CodeDeployOther}) {
				t.Errorf("findings: %v", codes)
			}
			if got.Revision == nil || got.Revision.OK || *got.Revision.Seen != "old" || got.Revision.Asked != 1 {
				t.Errorf("revision: %+v", got.Revision)
			}

			a.becomes("new")
			code, out, errs = r.rightful(t, "postdeploy", "--format", "json", "--expect-revision", "new", "--webhook-url", a.server.URL+"/hooks/good?token=s3cret")
			got = postdeployed(t, out)
			if code != 0 || !got.Agrees || !got.Complete || len(got.Findings) != 0 || got.Users.Agree != 2 || len(got.Webhook.Checks) != 3 {
				t.Fatalf("exit %d: %s%s", code, out, errs)
			}
			if strings.Contains(out, "s3cret") || strings.Contains(out, hookSecret) || got.Webhook.URL != a.server.URL {
				t.Error("a secret is shown")
			}
			if r.writes() != 0 {
				t.Error("something was written to Stripe")
			}
			e := a.events[0]
			if len(a.events) != 2 || e.Type != "rightful.postdeploy" || !e.Livemode || !strings.HasPrefix(e.ID, "evt_rightful_") || e.ID == a.events[1].ID || a.unsigned != 2 {
				t.Errorf("events: %+v, unsigned %d", a.events, a.unsigned)
			}
		})
	}
}

func findingCodes(findings []rightful.Finding) (codes []rightful.Code) {
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	return codes
}

// TestPostdeployFormats: people and CI read the same.
func TestPostdeployFormats(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	a := deploy("old")
	t.Cleanup(a.close)
	a.behind(r)
	args := []string{"postdeploy", "--expect-revision", "new", "--wait", "0s", "--webhook-url", a.server.URL + "/hooks/careless"}
	code, out, _ := r.rightful(t, args...)
	for _, words := range []string{"WRONG  revision  old; new is expected", "2 of 2 active users compared: 1 agree, 1 do not", "ok     webhook   a signed event is taken: status 204",
		"WRONG  webhook   an event without a signature is accepted: status 204. Whoever knows the address", "RF802", "RF803", "next: rightful investigate user:7"} {
		if code != 2 || !strings.Contains(out, words) {
			t.Errorf("exit %d; not said: %s\n%s", code, words, out)
		}
	}
	code, out, _ = r.rightful(t, append(args, "--format", "junit")...)
	var suites struct {
		Tests, Failures, Errors int `xml:",attr"`
		Suite                   []struct {
			Name string `xml:"name,attr"`
			Case []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
		Name string `xml:"name,attr"`
		T    int    `xml:"tests,attr"`
		F    int    `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(out), &suites); err != nil || code != 2 {
		t.Fatalf("exit %d, %v: %s", code, err, out)
	}
	if suites.T != 7 || suites.F != 4 || len(suites.Suite) != 4 {
		t.Errorf("%d tests, %d failures in %d suites:\n%s", suites.T, suites.F, len(suites.Suite), out)
	}
	for _, words := range []string{`name="user 7"`, "SECURITY", `message="RF802"`, `name="1 user compared and agree"`, "old; new is expected"} {
		if !strings.Contains(out, words) {
			t.Errorf("not written: %s\n%s", words, out)
		}
	}
}

// TestPostdeployTriesWebhooks: what each kind of endpoint does is told, and nothing
// of it but scheme and host is shown.
func TestPostdeployTriesWebhooks(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		code     int
		checks   []string // ok or the severity
		security int
		says     string
	}{
		"/hooks/good":     {0, []string{"ok", "ok", "ok"}, 0, "is taken: status 200"},
		"/hooks/careless": {2, []string{"ok", "error", "error"}, 2, "is accepted: status 204"},
		"/hooks/moved":    {2, []string{"error", "error", "error"}, 0, "is redirected: status 308. Stripe does not follow redirects"},
		"/hooks/fragile":  {2, []string{"ok", "warning", "warning"}, 0, "fails: status 500, instead of being refused"},
		"/hooks/hangs":    {2, []string{"error"}, 0, "did not answer within 200ms"},
		"/hooks/none":     {2, []string{"error", "ok", "ok"}, 0, "is refused: status 404"},
		"closed":          {4, []string{}, 0, "does not take connections"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			r := foundingRig(t)
			a := deploy("new")
			t.Cleanup(a.close)
			a.behind(r)
			url := strings.Replace(a.server.URL, "http://", "http://user:s3cret@", 1) + path + "?token=s3cret"
			if path == "closed" {
				url = "http://" + testserver.Nobody + "/?token=s3cret"
			}
			code, out, errs := r.rightful(t, "postdeploy", "--format", "json", "--webhook-timeout", "200ms", "--webhook-url", url)
			got := postdeployed(t, out)
			var checks []string
			security := 0
			for _, c := range got.Webhook.Checks {
				checks = append(checks, map[bool]string{true: "ok", false: string(c.Severity)}[c.OK])
				if c.Security {
					security++
				}
				if !c.OK && c.Hint == "" {
					t.Errorf("no word of what to do: %+v", c)
				}
			}
			if code != want.code || !slices.Equal(checks, want.checks) || security != want.security || !strings.Contains(out, want.says) {
				t.Errorf("exit %d, %v, %d about security: %s%s", code, checks, security, out, errs)
			}
			if strings.Contains(out+errs, "s3cret") || strings.Contains(out+errs, "/hooks") {
				t.Errorf("shows more than the host: %s%s", out, errs)
			}
			if path == "/hooks/moved" && len(a.events) != 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

// TestPostdeployVersionOfEvents is that of the library that this program speaks with.
func TestPostdeployVersionOfEvents(t *testing.T) {
	t.Parallel()
	if knock.APIVersion != stripe.APIVersion {
		t.Errorf("%s is not %s", knock.APIVersion, stripe.APIVersion)
	}
}

// patient is a clock that only goes on when somebody sleeps.
type patient struct {
	now   time.Time
	slept []time.Duration
	then  func()
}

func (p *patient) in(in engine.PostdeployInput) engine.PostdeployInput {
	in.Now = func() time.Time { return p.now }
	in.Sleep = func(ctx context.Context, d time.Duration) error {
		p.now, p.slept = p.now.Add(d), append(p.slept, d)
		if p.then != nil {
			p.then()
		}
		return ctx.Err()
	}
	return in
}

// TestPostdeployWaits for the revision, also while the app does not answer, and not
// longer than it was told to.
func TestPostdeployWaits(t *testing.T) {
	t.Parallel()
	r := foundingRig(t)
	a := deploy("old")
	t.Cleanup(a.close)
	e := a.behind(r).open(t)
	try := func(p *patient, in engine.PostdeployInput) *engine.Postdeploy {
		t.Helper()
		in.All, in.ExpectRevision = true, "new"
		got, err := e.Postdeploy(t.Context(), p.in(in))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}

	a.becomes("old", "old", "", "new")
	p := &patient{now: time.Unix(foundingNow, 0)}
	if got := try(p, engine.PostdeployInput{Wait: time.Minute}); !got.Agrees || got.Revision.Asked != 5 || got.Revision.Waited != 6 || len(p.slept) != 3 {
		t.Errorf("%+v after %v", got.Revision, p.slept)
	}

	a.becomes("old")
	p = &patient{now: time.Unix(foundingNow, 0)}
	if got := try(p, engine.PostdeployInput{Wait: 5 * time.Second}); got.Agrees || !got.Complete || got.Revision.OK || got.Revision.Waited != 5 || !slices.Contains(findingCodes(got.Findings), rightful.CodeDeployRevision) {
		t.Errorf("%+v after %v", got.Revision, p.slept)
	}

	// Both revisions answer: the second look sees the old one.
	a.becomes("new", "old")
	p = &patient{now: time.Unix(foundingNow, 0)}
	if got := try(p, engine.PostdeployInput{Wait: time.Minute}); got.Agrees || !got.Revision.Changed || got.Revision.OK || *got.Revision.Seen != "old" || !slices.Contains(findingCodes(got.Findings), rightful.CodeDeployRevision) {
		t.Errorf("%+v, %v", got.Revision, findingCodes(got.Findings))
	}

	// An app that is down is waited for, and then not known to agree.
	a.server.Close()
	p = &patient{now: time.Unix(foundingNow, 0)}
	if got := try(p, engine.PostdeployInput{Wait: 4 * time.Second}); got.Agrees || got.Complete || len(p.slept) != 2 || got.Users.Unanswered != 2 || !strings.Contains(strings.Join(got.IncompleteBecause, "; "), "no answer for 2 of 2 users") {
		t.Errorf("%+v after %v", got, p.slept)
	}
	a.server = httptest.NewServer(http.NotFoundHandler()) // to be closed again

	// Whoever interrupts the waiting gets an answer that says so.
	ctx, cancel := context.WithCancel(t.Context())
	p = &patient{now: time.Unix(foundingNow, 0), then: cancel}
	got, err := e.Postdeploy(ctx, p.in(engine.PostdeployInput{All: true, ExpectRevision: "new", Wait: time.Hour}))
	if err != nil || got.Complete || len(p.slept) != 1 || !strings.Contains(strings.Join(got.IncompleteBecause, "; "), "interrupted") {
		t.Errorf("%v: %+v", err, got)
	}
}

// TestPostdeployAgreesWithAudit: what postdeploy finds about users in a world, the
// audit of that world finds too, word for word, and the other way round.
func TestPostdeployAgreesWithAudit(t *testing.T) {
	t.Parallel()
	probed := 0
	for _, file := range append(worldFiles(t), founding) {
		e, _, err := wire.World(file)
		if err != nil {
			t.Fatal(err)
		}
		if e.Sources.Probe != nil {
			probed++
		}
		got, err := e.Postdeploy(t.Context(), engine.PostdeployInput{All: true})
		if err != nil {
			t.Fatal(err)
		}
		if got.Refused != nil {
			continue
		}
		whole := audit(t, e, engine.AuditInput{})
		concerned := func(f rightful.Finding) bool {
			switch f.Code {
			case rightful.CodeUserNoCompany, rightful.CodeWaysDisagree, rightful.CodeUserCompanyGone, rightful.CodeDeployOther, rightful.CodeDeployRevision:
				return true
			case rightful.CodeCacheStale:
				return strings.Contains(f.Object.ID, "user") && !strings.Contains(f.Object.ID, "stripe")
			}
			return false
		}
		for _, f := range got.Findings {
			i := slices.IndexFunc(whole.Findings, func(w rightful.Finding) bool { return w.ID == f.ID })
			switch {
			case i < 0:
				t.Errorf("%s: only postdeploy finds %s on %s", file, f.Code, f.Object.ID)
			case f.Code != rightful.CodeUserNoCompany && f.Message != whole.Findings[i].Message:
				t.Errorf("%s: %q is not %q", file, f.Message, whole.Findings[i].Message)
			}
		}
		for _, f := range whole.Findings {
			if concerned(f) && !slices.ContainsFunc(got.Findings, func(g rightful.Finding) bool { return g.ID == f.ID }) {
				t.Errorf("%s: only the audit finds %s on %s: %s", file, f.Code, f.Object.ID, f.Message)
			}
		}
	}
	if probed < 3 {
		t.Errorf("%d worlds with an app", probed)
	}
}
