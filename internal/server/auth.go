package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/time/rate"

	"rightful"
)

// Scope is what a token may do.
type Scope string

// The scopes. An operator may do what the others may.
const (
	ScopeApp      Scope = "app"      // customers, checkout, validation, guards
	ScopeRead     Scope = "read"     // findings, runs, metrics
	ScopeOperator Scope = "operator" // other companies' data in answers
)

// Token lets one caller in.
type Token struct {
	Name   string // for logs
	Token  string
	Scopes []Scope
}

// admitted is a token as it is kept: nothing can be read back from it.
type admitted struct {
	name   string
	hash   [sha256.Size]byte
	scopes []Scope
	bucket *rate.Limiter
}

// may reports whether the token has a scope.
func (a *admitted) may(s Scope) bool {
	return slices.Contains(a.scopes, s) || slices.Contains(a.scopes, ScopeOperator)
}

// burstSeconds is how many seconds' worth of requests may come at once.
const burstSeconds = 2

// admit keeps tokens as hashes.
func admit(tokens []Token, perSecond float64) ([]admitted, error) {
	var kept []admitted
	for _, t := range tokens {
		a := admitted{name: t.Name, hash: sha256.Sum256([]byte(t.Token)), scopes: t.Scopes, bucket: rate.NewLimiter(rate.Inf, 0)}
		if perSecond > 0 {
			a.bucket = rate.NewLimiter(rate.Limit(perSecond), max(int(perSecond*burstSeconds), 1))
		}
		for _, other := range kept {
			if other.hash == a.hash {
				return nil, &rightful.Error{
					Kind: rightful.KindInvalid, Place: "serve.tokens", Message: fmt.Sprintf("%s and %s are the same token", other.name, a.name),
					Hint: "give each caller its own: a token that two know cannot be taken from one",
				}
			}
		}
		kept = append(kept, a)
	}
	return kept, nil
}

// caller is who asks. Nobody in particular where no token is asked for.
type caller struct{ token *admitted }

// operator reports whether the caller may see every company.
func (c *caller) operator() bool { return c != nil && c.token != nil && c.token.may(ScopeOperator) }

// authenticate finds the token of a request. Every token is compared with, each in
// the same time, whatever is sent.
func (s *Server) authenticate(r *http.Request) (*admitted, *problem) {
	if len(r.Header.Values("Authorization")) > 1 { // a proxy may have looked at another one
		return nil, &problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "there is more than one Authorization", challenge: `Bearer realm="rightful", error="invalid_request"`}
	}
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || sent == "" {
		return nil, &problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "send the token as Authorization: Bearer TOKEN", challenge: `Bearer realm="rightful"`}
	}
	hash := sha256.Sum256([]byte(strings.TrimSpace(sent)))
	var found *admitted
	for i := range s.tokens {
		if subtle.ConstantTimeCompare(hash[:], s.tokens[i].hash[:]) == 1 {
			found = &s.tokens[i]
		}
	}
	if found == nil {
		return nil, &problem{Status: http.StatusUnauthorized, Code: "unauthorized", Detail: "this token is not known", challenge: `Bearer realm="rightful", error="invalid_token"`}
	}
	return found, nil
}

// authorize admits a request that has a token with the scope, as often as its rate
// allows.
func (s *Server) authorize(r *http.Request, scope Scope) (*caller, *problem) {
	token, p := s.authenticate(r)
	if p != nil {
		return nil, p
	}
	noteCaller(r.Context(), token.name)
	if !token.may(scope) {
		return nil, &problem{
			Status: http.StatusForbidden, Code: "forbidden", Detail: fmt.Sprintf("this call needs a token with the scope %s", scope),
			challenge: fmt.Sprintf(`Bearer realm="rightful", error="insufficient_scope", scope="%s"`, scope),
		}
	}
	if !token.bucket.Allow() {
		return nil, &problem{Status: http.StatusTooManyRequests, Code: "rate_limited", Detail: "this token asks more often than it may", retryAfter: 1}
	}
	return &caller{token: token}, nil
}
