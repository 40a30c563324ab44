package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful/internal/engine"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// mirrors gives the shop a mirror, and says whose account it has, so that an audit needs to
// ask nobody.
func (s *shop) mirrors(t *testing.T, address string) {
	t.Helper()
	config := filepath.Join(s.dir, "rightful.yaml")
	text := strings.Replace(string(must(os.ReadFile(config))(t)), "key: sk_test_shop", "key: sk_test_shop, account: "+stripesim.DefaultAccount, 1)
	if err := os.WriteFile(config, []byte(text+"mirror: '"+address+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tells sends an event of a customer that happened at a time, and expects it to be taken.
func (s *shop) tells(t *testing.T, kind, customer, company string, created int64) {
	t.Helper()
	event := fmt.Sprintf(`{"id": "evt_%s_%d", "object": "event", "type": "customer.%s", "created": %d, "livemode": false,
		"data": {"object": {"id": %q, "object": "customer", "created": 1759990000, "livemode": false, "metadata": {"company_id": %q}}}}`, kind, created, kind, created, customer, company)
	if got := s.ask(t, "POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", signature(event, secret, time.Now())); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
}

// wrongAt returns the wrong stamp of a customer by the mirror alone, empty for none.
func (s *shop) wrongAt(t *testing.T, customer string) (stamp string) {
	t.Helper()
	_, out, errs := s.rightful(t, "audit", "--mirror", "--offline", "--format", "json")
	var r engine.AuditReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Mirror == nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	for _, f := range r.Findings {
		if f.Object.ID == customer && f.WrongValue != nil {
			stamp = *f.WrongValue
		}
	}
	return stamp
}

// followed returns until when each list was followed.
func (s *shop) followed(t *testing.T) string {
	t.Helper()
	code, out, errs := s.rightful(t, "sync", "--show", "--format", "json")
	var r engine.SyncReport
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
		t.Fatalf("%d, %v\n%s%s", code, err, out, errs)
	}
	at := ""
	for _, l := range r.Lists {
		at += fmt.Sprintf("%s %d %d\n", l.Type, l.Full, l.Followed)
	}
	return at
}

// TestWebhooksFreshenTheMirror: an event that was delivered is seen by an audit that asks
// nobody; one that is older than what the mirror knows changes nothing; and that a mirror
// heard of some changes does not mean that it heard of all.
func TestWebhooksFreshenTheMirror(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func() string{"sqlite": func() string { return "sqlite:mirror.db" }, "postgres": func() string { return testserver.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			s := openShop(t, "")
			s.mirrors(t, address())
			customer := s.atStripe(t, "/v1/customers", "metadata[company_id]", "11")
			if code, out, errs := s.rightful(t, "sync"); code != 0 {
				t.Fatalf("%s%s", out, errs)
			}
			before := s.followed(t)
			s.serve(t)
			if got := s.wrongAt(t, customer); got != "" {
				t.Fatalf("stamped %q before anything happened", got)
			}
			now := time.Now().Unix() + 2 // later than what the sync has seen
			s.tells(t, "updated", customer, "990011", now)
			until(t, "the mirror has the change", func() bool { return s.wrongAt(t, customer) == "990011" })
			s.tells(t, "updated", customer, "990012", now-3600)
			s.tells(t, "updated", customer, "990013", now+1)
			until(t, "the mirror has the last change", func() bool { return s.wrongAt(t, customer) == "990013" })
			s.tells(t, "deleted", customer, "990013", now+1)
			until(t, "the mirror has that it was deleted", func() bool { return s.wrongAt(t, customer) == "" })
			if after := s.followed(t); after != before {
				t.Errorf("it counts as followed:\n%swas\n%s", after, before)
			}
			s.stop(t)
			s.meet(func(r *http.Request) { t.Errorf("Stripe was asked for %s", r.URL.Path) })
			_ = s.wrongAt(t, customer)
		})
	}
}

// TestAMirrorThatCannotBeWritten keeps no webhook waiting, and fails none.
func TestAMirrorThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.mirrors(t, "sqlite:no/such/folder/mirror.db")
	s.serve(t)
	for i := range 20 {
		s.tells(t, "updated", "cus_of_the_mirror", "11", time.Now().Unix()-int64(i))
	}
	s.stop(t)
	if log := s.log.String(); strings.Count(log, "left for the next sync") != 1 {
		t.Errorf("it is to be said once:\n%s", log)
	}
}
