package stripesim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Key is an API key that the server knows more about than its prefix.
type Key struct {
	// Secret is the key as clients send it: sk_live_..., sk_test_...,
	// rk_live_... or rk_test_... It never appears in full in an answer.
	Secret string
	// Account is the account the key belongs to; "" is the default account.
	Account string
	// Permissions are the slugs of a restricted key (rk_...), for example
	// "rak_customer_read" or "rak_checkout_session_write"; write implies read.
	// A restricted key without any may do nothing. Must be empty for sk_ keys,
	// which may do everything.
	Permissions []string
}

// credential is the key of one request.
type credential struct {
	secret      string
	account     string // "" for the default account
	livemode    bool   // by prefix
	restricted  bool   // registered with permissions
	permissions []string
}

var (
	keyForm  = regexp.MustCompile(`^(sk|rk)_(live|test)_[A-Za-z0-9_]+$`)
	slugForm = regexp.MustCompile(`^rak_[a-z_]+_(read|write)$`)
)

// AddKey registers a key: to give it to another account than the default one,
// or to restrict it. Keys that are not registered may do everything on the
// default account. It returns an error for a secret without one of Stripe's
// four prefixes, an unknown account, or permissions that are not slugs.
func (s *Server) AddKey(k Key) error {
	parts := keyForm.FindStringSubmatch(k.Secret)
	if parts == nil {
		return fmt.Errorf("stripesim: the key %s must begin with sk_live_, sk_test_, rk_live_ or rk_test_ and go on with letters or digits", redact(k.Secret))
	}
	restricted := parts[1] == "rk"
	if !restricted && len(k.Permissions) > 0 {
		return fmt.Errorf("stripesim: the key %s is a secret key, which may do everything: permissions belong to rk_ keys", redact(k.Secret))
	}
	for _, slug := range k.Permissions {
		if !slugForm.MatchString(slug) {
			return fmt.Errorf("stripesim: %q is not a permission: they look like rak_customer_read or rak_customer_write", slug)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.Account != "" && s.accounts[k.Account] == nil {
		return fmt.Errorf("stripesim: the key %s belongs to account %s, which does not exist: call AddAccount or LoadWorld first", redact(k.Secret), k.Account)
	}
	s.keys[k.Secret] = credential{secret: k.Secret, account: k.Account, livemode: parts[2] == "live",
		restricted: restricted, permissions: slices.Clone(k.Permissions)}
	delete(s.revoked, k.Secret)
	return nil
}

// RevokeKey makes every later request with the key fail with 401, registered
// or not. AddKey brings it back.
func (s *Server) RevokeKey(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[secret] = true
}

// authenticate reads the key of a request: a bearer token, or the user name of
// Basic authentication as curl -u sends it (Stripe docs: api/authentication).
func (s *Server) authenticate(r *http.Request) (credential, *apiError) {
	secret := secretOf(r.Header.Get("Authorization"))
	switch parts := keyForm.FindStringSubmatch(secret); {
	case secret == "":
		return credential{}, unauthorized("", "You did not provide an API key. Send it in the Authorization header, as Bearer (Authorization: Bearer YOUR_SECRET_KEY) or as the user name of Basic auth (curl -u YOUR_SECRET_KEY:).")
	case strings.HasPrefix(secret, "pk_"):
		return credential{}, unauthorized("secret_key_required", "This API call cannot be made with a publishable API key. Please use a secret API key.")
	case parts == nil:
		return credential{}, unauthorized("", "Invalid API Key provided: %s", redact(secret))
	default:
		s.mu.RLock()
		defer s.mu.RUnlock()
		if s.revoked[secret] {
			return credential{}, unauthorized("api_key_expired", "Expired API Key provided: %s", redact(secret))
		}
		if known, ok := s.keys[secret]; ok {
			return known, nil
		}
		return credential{secret: secret, livemode: parts[2] == "live"}, nil
	}
}

func secretOf(header string) string {
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer":
		return rest
	case "basic":
		decoded, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return ""
		}
		user, _, _ := strings.Cut(string(decoded), ":")
		return user
	}
	return ""
}

// allows answers 403 when a restricted key lacks a permission.
func (k credential) allows(slug, accountID string) *apiError {
	if !k.restricted || slug == "" || slices.Contains(k.permissions, slug) {
		return nil
	}
	if read, isRead := strings.CutSuffix(slug, "_read"); isRead && slices.Contains(k.permissions, read+"_write") {
		return nil
	}
	return forbidden("", "The provided key '%s' does not have the required permissions for this endpoint on account '%s'. Having the '%s' permission would allow this request to continue.", redact(k.secret), accountID, slug)
}

// redact keeps the prefix and the last four characters of a key.
func redact(secret string) string {
	prefix, rest := "", secret
	if len(secret) > 8 && (strings.HasPrefix(secret[3:], "live_") || strings.HasPrefix(secret[3:], "test_")) {
		prefix, rest = secret[:8], secret[8:]
	}
	if len(rest) < 8 {
		return prefix + strings.Repeat("*", len(rest))
	}
	return prefix + strings.Repeat("*", min(len(rest)-4, 20)) + rest[len(rest)-4:]
}
