package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rightful"
)

// wish is a checked request: parameters of Stripe's, without what says whose it is.
type wish struct {
	params map[string]any
	below  []string // paths of what the session will create, and what carries stamps too
	hosted bool
}

// identityParams say whose a session is, wherever they stand.
var identityParams = []string{"customer", "customer_email", "customer_account", "customer_creation", "client_reference_id"}

// ownParams have a field of their own in a request.
var ownParams = []string{"mode", "success_url", "cancel_url", "expand"}

// metadataPaths are where metadata may stand.
var metadataPaths = []string{"metadata", "subscription_data.metadata", "payment_intent_data.metadata", "setup_intent_data.metadata", "invoice_creation.invoice_data.metadata"}

// modes are Stripe's modes of a session, with what a session of it creates.
var modes = map[string]string{"payment": "payment_intent_data", "setup": "setup_intent_data", "subscription": "subscription_data"}

// paramName is what Stripe's parameters are called. A name with brackets or dots would
// reach into another one.
var paramName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// Bounds of what an app sends along.
const (
	maxParams = 64 << 10 // bytes, as JSON
	maxDepth  = 7
	maxURL    = 5000
)

func badRequest(place, format string, args ...any) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: fmt.Sprintf(format, args...)}
}

// wishOf checks a request, before anything is read or made.
func (g *Gateway) wishOf(r CheckoutRequest) (*wish, error) {
	created, known := modes[r.Mode]
	if !known {
		return nil, badRequest("mode", "%s is none of payment, setup and subscription", quoted(r.Mode))
	}
	if r.CompanyID != "" {
		if err := checkID("company_id", r.CompanyID); err != nil {
			return nil, err
		}
	}
	params, err := normal(r.StripeParams)
	if err != nil {
		return nil, err
	}
	if err := g.checkParams("stripe_params", "", params, 1); err != nil {
		return nil, err
	}
	w := &wish{params: params, below: []string{created + ".metadata"}}
	if err := w.urls(r); err != nil {
		return nil, err
	}
	if err := w.items(r); err != nil {
		return nil, err
	}
	if err := g.mergeMetadata(w, r.Metadata); err != nil {
		return nil, err
	}
	if invoices, _ := params["invoice_creation"].(map[string]any); invoices["enabled"] == true || invoices["enabled"] == "true" {
		w.below = append(w.below, "invoice_creation.invoice_data.metadata")
	}
	params["mode"] = r.Mode
	return w, nil
}

// normal is a copy of parameters in the types of JSON, so that the same wish is the
// same however it was put.
func normal(params map[string]any) (map[string]any, error) {
	const place = "stripe_params"
	if params == nil {
		return map[string]any{}, nil
	}
	raw, err := json.Marshal(params)
	switch {
	case err != nil:
		return nil, badRequest(place, "they are no texts, numbers, booleans, lists and maps")
	case len(raw) > maxParams:
		return nil, badRequest(place, "they are larger than %d bytes", maxParams)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var out map[string]any
	if err := decoder.Decode(&out); err != nil {
		return nil, badRequest(place, "they are no map")
	}
	return out, nil
}

// checkParams refuses what says whose a session is, and what could be spelled to say
// it: at is the path of a map among the parameters.
func (g *Gateway) checkParams(place, at string, params map[string]any, depth int) error {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		here := place + "." + name
		path := strings.TrimPrefix(at+"."+name, ".")
		switch {
		case !paramName.MatchString(name):
			return badRequest(place, "%s is no name of a parameter: nested ones are written as maps", quoted(name))
		case slices.Contains(identityParams, name):
			return badRequest(here, "whose the session is, is not the caller's to say: the resolver says it")
		case at == "" && slices.Contains(ownParams, name):
			return badRequest(here, "it is not given here")
		case name == "metadata":
			if err := g.checkMetadata(here, params[name]); err != nil {
				return err
			}
			continue
		case slices.ContainsFunc(metadataPaths, func(p string) bool { return strings.HasPrefix(p, path+".") }):
			if _, nested := params[name].(map[string]any); !nested {
				return badRequest(here, "it is a map")
			}
		}
		if err := g.checkParam(here, path, params[name], depth); err != nil {
			return err
		}
	}
	return nil
}

// checkParam looks into maps and lists.
func (g *Gateway) checkParam(here, path string, value any, depth int) error {
	switch v := value.(type) {
	case nil:
		return badRequest(here, "it has no value")
	case map[string]any:
		if depth == maxDepth {
			return badRequest(here, "it is nested deeper than %d levels", maxDepth)
		}
		return g.checkParams(here, path, v, depth+1)
	case []any:
		if depth == maxDepth {
			return badRequest(here, "it is nested deeper than %d levels", maxDepth)
		}
		for i, inner := range v {
			if err := g.checkParam(fmt.Sprintf("%s[%d]", here, i), path+"[]", inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMetadata checks one map of metadata of the caller's.
func (g *Gateway) checkMetadata(place string, value any) error {
	m, ok := value.(map[string]any)
	if !ok {
		return badRequest(place, "it is a map of texts")
	}
	ours := 2
	if g.opt.Keys.Ownership != "" {
		ours++
	}
	if len(m) > maxKeys-ours {
		return badRequest(place, "it has %d keys; Stripe takes %d, and the stamps are %d of them", len(m), maxKeys, ours)
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		text, ok := m[key].(string)
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxKey || strings.ContainsAny(key, "[]"):
			return badRequest(place, "%s is no metadata key: they have 1 to %d characters, and no brackets", quoted(key), maxKey)
		case g.identifies(key):
			return badRequest(place+"."+key, "it carries identity, or looks like it: the stamps are not the caller's to write")
		case !ok:
			return badRequest(place+"."+key, "it is a text")
		case utf8.RuneCountInString(text) > maxValue:
			return badRequest(place+"."+key, "it has more than %d characters", maxValue)
		}
	}
	return nil
}

// identifies reports whether a metadata key says whose something is, or looks like one
// that does.
func (g *Gateway) identifies(key string) bool {
	keys := g.opt.Keys
	if keys.Keeps(key) {
		return true
	}
	return slices.ContainsFunc(append([]string{keys.Company, keys.User, keys.Ownership}, keys.AlsoRead...), func(own string) bool {
		return own != "" && plainKey(own) == plainKey(key)
	})
}

// plainKey is a metadata key in lower case, without what stands between its words.
func plainKey(key string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(key))
}

// mergeMetadata puts the request's metadata beside what stripe_params has of it.
func (g *Gateway) mergeMetadata(w *wish, metadata map[string]string) error {
	given := map[string]any{}
	for key, value := range metadata {
		given[key] = value
	}
	all := submap(w.params, "metadata")
	for key, value := range given {
		if other, twice := all[key]; twice && other != value {
			return badRequest("metadata."+shortened(key), "stripe_params.metadata has another value for it")
		}
	}
	if err := g.checkMetadata("metadata", given); err != nil {
		return err
	}
	maps.Copy(all, given)
	return g.checkMetadata("metadata", all)
}

// checkURL refuses where no user can be sent back to.
func checkURL(place, text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return badRequest(place, "%s is no http or https URL", quoted(text))
	}
	return nil
}

// urls checks where the buyer goes afterwards.
func (w *wish) urls(r CheckoutRequest) error {
	mode, given := w.params["ui_mode"]
	w.hosted = !given || mode == "hosted" || mode == "hosted_page"
	back, returns := w.params["return_url"]
	if returns {
		text, _ := back.(string)
		if err := checkURL("stripe_params.return_url", text); err != nil {
			return err
		}
	}
	switch {
	case w.hosted:
		if r.SuccessURL == "" {
			return badRequest("success_url", "it is required")
		}
	case r.SuccessURL != "" || r.CancelURL != "":
		return badRequest("success_url", "an embedded session has stripe_params.return_url instead")
	case !returns && (mode == "embedded" || mode == "embedded_page") && w.params["redirect_on_completion"] != "never":
		return badRequest("stripe_params.return_url", "it is required for an embedded session")
	}
	for _, u := range []struct{ place, text string }{{"success_url", r.SuccessURL}, {"cancel_url", r.CancelURL}} {
		if u.text == "" {
			continue
		}
		if err := checkURL(u.place, u.text); err != nil {
			return err
		}
		w.params[u.place] = u.text
	}
	return nil
}

// items checks what is sold.
func (w *wish) items(r CheckoutRequest) error {
	_, listed := w.params["line_items"]
	switch {
	case r.Price == "" && r.Quantity != 0:
		return badRequest("quantity", "it goes together with price")
	case r.Price == "" && !listed && r.Mode != "setup":
		return badRequest("price", "it is required, or stripe_params.line_items")
	case r.Price == "":
		return nil
	case listed:
		return badRequest("stripe_params.line_items", "it is given instead of price, and not beside it")
	case r.Mode == "setup":
		return badRequest("price", "a session of mode setup sells nothing")
	case r.Quantity < 0 || r.Quantity > 1_000_000:
		return badRequest("quantity", "it is a number from 1 to 1000000")
	}
	if err := checkID("price", r.Price); err != nil {
		return err
	}
	w.params["line_items"] = []any{map[string]any{"price": r.Price, "quantity": max(r.Quantity, 1)}}
	return nil
}

// stamped returns the parameters of one session: those that were wished for, and whose
// it is.
func (w *wish) stamped(stamps map[string]string, reference, customer string) map[string]any {
	params := copied(w.params).(map[string]any)
	for _, path := range append([]string{"metadata"}, w.below...) {
		at := params
		for name := range strings.SplitSeq(path, ".") {
			at = submap(at, name)
		}
		for key, value := range stamps {
			at[key] = value
		}
	}
	params["client_reference_id"], params["customer"] = reference, customer
	return params
}

// submap returns the map below a name, which is made if there is none.
func submap(m map[string]any, name string) map[string]any {
	inner, ok := m[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		m[name] = inner
	}
	return inner
}

// copied is a deep copy.
func copied(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = copied(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = copied(inner)
		}
		return out
	}
	return value
}

// hashOf names a wish: the same parameters give the same hash.
func hashOf(params map[string]any) string {
	raw, err := json.Marshal(params) // sorts by name
	if err != nil {
		panic("gateway: parameters that were JSON are none: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
