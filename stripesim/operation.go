package stripesim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is one endpoint: Stripe's rate limits, permissions and our
// counters all go by it, whatever id is in the path.
type operation struct {
	name       string // "customers.create"
	method     string
	path       string // "/v1/customers/{id}"
	permission string // the restricted-key slug it needs; "" needs none
	writes     bool
	params     shape
	returns    *resource // what expand[] starts from; nil expands nothing
	lists      bool      // a list or search result of returns
	searches   bool
	// unlocked operations look at accounts as a whole and take their locks
	// themselves: two locks held at once could wait for each other.
	unlocked bool
	// v2 operations take JSON and expand nothing.
	v2  bool
	run func(c *call) (json.RawMessage, *apiError)
}

// call is one request on its way through an operation.
type call struct {
	tx
	key    credential
	op     *operation
	id     string // from the path
	base   string // the address of the server as the client knows it
	params *values
	expand expandTree
}

// allOperations is the table of every endpoint.
func (s *Server) allOperations() []*operation {
	return join(
		customerOperations(s.resource("customer")),
		sessionOperations(s.resource("checkout.session")),
		subscriptionOperations(s.resource("subscription")),
		paymentIntentOperations(s.resource("payment_intent")),
		productOperations(s.resource("product")),
		priceOperations(s.resource("price")),
		invoiceOperations(s.resource("invoice")),
		chargeOperations(s.resource("charge")),
		scheduleOperations(s.resource("subscription_schedule")),
		setupIntentOperations(s.resource("setup_intent")),
		paymentMethodOperations(s.resource("payment_method")),
		webhookEndpointOperations(s.resource("webhook_endpoint")),
		portalOperations(s.resource("billing_portal.session")),
		eventOperations(s.resource("event")),
		accountOperations(),
		destinationOperations(s.resource("v2.core.event_destination")),
		thinOperations(),
	)
}

func join(groups ...[]*operation) []*operation {
	var all []*operation
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}

// retrieveOperation is GET url/{id}.
func retrieveOperation(res *resource, name string) *operation {
	return &operation{name: name, method: http.MethodGet, path: res.url + "/{id}", permission: res.slug + "_read",
		returns: res, run: func(c *call) (json.RawMessage, *apiError) {
			e, err := c.find(res.object, c.id, http.StatusNotFound, res.idParam)
			if err != nil {
				return nil, err
			}
			return c.render(res, e), nil
		}}
}

// writeOperation is a POST or DELETE of a resource; action is "", "/{id}" or
// "/{id}/verb".
func writeOperation(res *resource, name, method, action string, params shape, run func(*call) (*entry, *apiError)) *operation {
	return &operation{name: name, method: method, path: res.url + action, permission: res.slug + "_write",
		writes: true, params: params, returns: res, run: func(c *call) (json.RawMessage, *apiError) {
			e, err := run(c)
			if err != nil {
				return nil, err
			}
			return c.render(res, e), nil
		}}
}

// reservedPaths are endpoints of Stripe that stand where an id could, and that
// are not modelled: asked for, they are unknown URLs and no ids. (Stripe's
// OpenAPI document has create_preview; versions before 2025-03-31.basil had
// upcoming.)
var reservedPaths = []string{"/v1/invoices/create_preview", "/v1/invoices/upcoming"}

// route finds the operation of a request. Literal segments win over {id}, and
// an id is never the word "search": Stripe knows no search of sessions.
func (s *Server) route(method, escapedPath string) (*operation, string) {
	if slices.Contains(reservedPaths, escapedPath) {
		return nil, ""
	}
	segments := strings.Split(escapedPath, "/")
	var found *operation
	foundID := ""
	for _, op := range s.operations {
		if op.method != method {
			continue
		}
		id, ok := matchPath(op.path, segments)
		if ok && (found == nil || id == "") {
			found, foundID = op, id
		}
	}
	return found, foundID
}

func matchPath(pattern string, segments []string) (id string, ok bool) {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(segments) {
		return "", false
	}
	for i, part := range parts {
		if part != "{id}" {
			if part != segments[i] {
				return "", false
			}
			continue
		}
		decoded, err := url.PathUnescape(segments[i])
		if err != nil || decoded == "" || decoded == "search" {
			return "", false
		}
		id = decoded
	}
	return id, true
}
