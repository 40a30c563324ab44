package fromfile_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"rightful/gateway"
	"rightful/gateway/fromfile"
	"rightful/stripesim"
)

// An app sells to the company of the user who is signed in, and asks after checkout
// whether the payment is in order.
func Example() {
	ctx := context.Background()
	dir, stripe := app()
	defer os.RemoveAll(dir)
	defer stripe.Close()

	g, err := fromfile.Open(ctx, filepath.Join(dir, "rightful.yaml"), fromfile.Options{
		Env: func(name string) (string, bool) {
			return map[string]string{"STRIPE_API_KEY": "sk_test_example"}[name], true
		},
		OnDecision: func(_ context.Context, d gateway.Decision) {
			fmt.Printf("%s of company %s\n", d.Kind, d.CompanyID)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	session, err := g.CreateCheckoutSession(ctx, gateway.CheckoutRequest{
		UserID: "7", Mode: "subscription", Price: "price_pro",
		SuccessURL: "https://app.example.com/paid?session={CHECKOUT_SESSION_ID}", CancelURL: "https://app.example.com/plans",
	})
	if err != nil {
		log.Fatal(err)
	}
	payment, err := g.ValidatePayment(ctx, gateway.ValidationRequest{SessionID: session.ID, UserID: "7"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payment.Status, payment.Decision, payment.BuyerMessage)
	// Output:
	// customer of company 11
	// checkout of company 11
	// payment of company 11
	// not_paid refuse This payment was not completed. You can go back and pay, or start again.
}

// app is a small app: a database, a Stripe and the file that names both.
func app() (dir string, stripe *httptest.Server) {
	stripe = httptest.NewServer(stripesim.New(stripesim.Options{}))
	dir, err := os.MkdirTemp("", "rightful-example-")
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "app.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT, stripe_customer_id TEXT);
		CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, company_id INTEGER);
		INSERT INTO companies VALUES (11, 'Bela Consultoria', NULL);
		INSERT INTO users VALUES (7, 'bela@example.com', 11);`); err != nil {
		log.Fatal(err)
	}
	config := `directory:
  dsn: 'sqlite:` + filepath.Join(dir, "app.db") + `'
  companies: SELECT id, name, stripe_customer_id FROM companies
  users: SELECT id, email, company_id FROM users
  resolve: direct
  write:
    company_customer: UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS :old
stripe: {key: '${STRIPE_API_KEY}', api_base: '` + stripe.URL + `'}
`
	if err := os.WriteFile(filepath.Join(dir, "rightful.yaml"), []byte(config), 0o600); err != nil {
		log.Fatal(err)
	}
	return dir, stripe
}
