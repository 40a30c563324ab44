package test

import (
	"net/http/httptest"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"rightful/stripesim"
)

// stripes starts a simulator with an account for each world: stripes A.json B.json. Its
// address is in STRIPE_URL. The key of acct_x is sk_test_x.
func stripes(ts *testscript.TestScript, _ bool, args []string) {
	sim := stripesim.New(stripesim.Options{})
	for _, name := range args {
		file, err := os.Open(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(sim.LoadWorld(file))
		ts.Check(file.Close())
		id := strings.TrimSuffix(name, ".json")
		ts.Check(sim.AddKey(stripesim.Key{Secret: "sk_test_" + strings.TrimPrefix(id, "acct_"), Account: id}))
	}
	server := httptest.NewServer(sim)
	ts.Defer(server.Close)
	ts.Setenv("STRIPE_URL", server.URL)
}
