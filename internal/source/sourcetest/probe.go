package sourcetest

import (
	"context"
	"testing"

	"rightful"
)

// TestProbe checks the contract of rightful.ProbeReader. open returns a reader
// of an app that resolves these users to these companies, to none where the
// company is empty, and that tells this revision.
func TestProbe(t *testing.T, open func(t *testing.T, users map[string]string, revision string) rightful.ProbeReader) {
	users := map[string]string{"7": "11", "8": "", "9": "900719925474099312345", "u/1 ?&é": "café"}
	t.Run("company", func(t *testing.T) {
		reader := open(t, users, "")
		for user, company := range users {
			got, err := reader.Company(context.Background(), user)
			if err != nil || got != (rightful.ProbeAnswer{CompanyID: company}) {
				t.Errorf("user %q: got %+v, %v; want company %q", user, got, err, company)
			}
		}
	})
	t.Run("revision", func(t *testing.T) {
		for _, want := range []string{"", "4f2a9c1"} {
			got, err := open(t, users, want).Revision(context.Background())
			if err != nil || got != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		}
	})
}
