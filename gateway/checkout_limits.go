package gateway

// Stripe's limits of metadata (docs.stripe.com/api/metadata), in characters.
const (
	maxKey   = 40
	maxValue = 500
	maxKeys  = 50
)
