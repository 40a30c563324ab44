package wire

import (
	"context"
	"crypto/tls"
	"log/slog"

	"rightful"
	"rightful/gateway"
	"rightful/internal/config"
	"rightful/internal/server"
)

// serving is the gateway as the server asks it.
type serving struct{ *gateway.Gateway }

// ValidatePayment implements server.Gateway.
func (s serving) ValidatePayment(ctx context.Context, sessionID, userID string, operator bool) (gateway.Validation, error) {
	return s.Gateway.ValidatePayment(ctx, gateway.ValidationRequest{SessionID: sessionID, UserID: userID, Operator: operator})
}

// Guard implements server.Gateway.
func (s serving) Guard(ctx context.Context, what server.Guarded, userID, id string) (gateway.Guarded, error) {
	req := gateway.GuardRequest{UserID: userID, ID: id}
	switch what {
	case server.GuardCustomers:
		return s.GuardCustomer(ctx, req)
	case server.GuardPortal:
		return s.GuardPortal(ctx, req)
	}
	return s.GuardSession(ctx, req)
}

// Server returns the server over an opened gateway. token is the one in
// RIGHTFUL_TOKEN, for the scopes app and read; empty: there is none. Without any token and without webhooks there is nothing to serve, which is an
// error of kind invalid.
func (g *Opened) Server(token string, log *slog.Logger) (*server.Server, error) {
	c := g.config.Serve
	tokens, err := tokensOf(c, token)
	if err != nil {
		return nil, err
	}
	ending, err := tlsOf(c.TLS)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 && g.Webhooks == nil {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "serve.tokens", Message: "there is no token, so nobody could ask anything",
			Hint: "export RIGHTFUL_TOKEN=$(openssl rand -hex 32), or name tokens with scopes under serve.tokens",
		}
	}
	o := server.Options{
		Gateway: serving{g.Gateway}, Findings: g.Audits, Runs: g.Journal, Jobs: g.state, Tokens: tokens, Proxies: c.Proxies(),
		Rate: c.Rate, Concurrency: c.Concurrency, Within: c.Within(), TLS: ending, Logger: log,
		Checks: []server.Check{{Name: "database", Ask: g.AskDatabase}, {Name: "state", Ask: g.AskState}, {Name: "stripe", Ask: g.AskStripe, Beside: true}},
	}
	if o.Rate == 0 {
		o.Rate = config.DefaultRate
	}
	if o.Concurrency == 0 {
		o.Concurrency = config.DefaultConcurrency
	}
	if g.Webhooks != nil {
		o.Webhooks = g.Webhooks
	}
	if c.JobPages && g.work != nil {
		shown, stop := context.WithCancel(context.Background())
		g.closers = append(g.closers, func() error { stop(); return nil })
		if o.JobPages, err = g.work.queue.UI(shown, server.JobPagesAt, slog.New(calm{log.Handler()})); err != nil {
			return nil, err
		}
	}
	if g.Metrics != nil {
		o.Metrics, o.Serving = g.Metrics.Handler(), g.Metrics.Serving
	}
	return server.New(o)
}

// tokensOf returns the tokens of the config, and the one of the environment.
func tokensOf(c config.Serve, env string) ([]server.Token, error) {
	var tokens []server.Token
	if env != "" {
		if !config.Sendable(env) {
			return nil, &rightful.Error{
				Kind: rightful.KindInvalid, Place: "RIGHTFUL_TOKEN", Message: "it holds characters that no header can carry",
				Hint: "use letters, digits and - . _ ~ + / =: export RIGHTFUL_TOKEN=$(openssl rand -hex 32)",
			}
		}
		tokens = append(tokens, server.Token{Name: "RIGHTFUL_TOKEN", Token: env, Scopes: []server.Scope{server.ScopeApp, server.ScopeRead}})
	}
	for _, t := range c.Tokens {
		own := server.Token{Name: t.Name, Token: t.Token}
		for _, scope := range t.Scopes {
			own.Scopes = append(own.Scopes, server.Scope(scope))
		}
		tokens = append(tokens, own)
	}
	return tokens, nil
}

// tlsOf reads the certificate, where there is one.
func tlsOf(t config.TLS) (*tls.Config, error) {
	if t.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "serve.tls.cert", Message: "certificate and key cannot be used: " + err.Error(), Hint: "name two PEM files that belong together", Err: err,
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}
