package rediscache

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"rightful"
)

// failed turns an error of the whole cache into one that a person can act on.
// The server's own text is left out: it may repeat an argument.
func (r *Reader) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := &rightful.Error{Kind: rightful.KindUnreachable, Place: place, Err: err}
	word := serverWord(err)
	switch {
	case word == "":
		r.unheard(e, err)
	case word == "NOAUTH", word == "WRONGPASS", strings.Contains(err.Error(), "invalid password"),
		strings.Contains(err.Error(), "without any password"):
		e.Kind = rightful.KindUnauthorized
		e.Message = "the cache at " + r.where + " refuses the user or the password (" + word + ")"
		e.Hint = "put the user and the password into the URL: redis://user:password@host:6379/0"
	case word == "NOPERM":
		e.Kind = rightful.KindUnauthorized
		e.Message = "the cache at " + r.where + " does not let this user read the configured keys (NOPERM)"
		e.Hint = "allow it to read: ACL SETUSER <user> +get +hget +ping +select ~<keys>"
		if r.cluster != nil {
			e.Hint += " and, for a cluster, +cluster|slots +asking, on every node"
		}
	case word == "CLUSTERDOWN", (word == "MOVED" || word == "ASK") && r.cluster != nil:
		// A redirection that leads nowhere: the nodes do not agree who holds the
		// slot, as they do for a while when one is lost.
		e.Message = "the cache at " + r.where + " is a cluster that is down, wholly or in part, so none of it is read"
		e.Hint = "CLUSTER INFO on a node tells what is missing"
	case (word == "MOVED" || word == "ASK" || word == "CROSSSLOT") && r.cluster == nil:
		e.Message = "the cache at " + r.where + " is one node of a cluster, which cannot be read alone (" + word + ")"
		e.Hint = "set cache.cluster: true"
	case strings.Contains(err.Error(), "DB index"): // out of range, or no number at all
		e.Message = "the cache at " + r.where + " has no database of the number in the URL"
		e.Hint = "correct the number at the end of cache.url: most servers have 0 to 15"
	case strings.Contains(err.Error(), "SELECT is not allowed"):
		e.Message = "the cache at " + r.where + " is one node of a cluster, which has no database but 0"
		e.Hint = "take the number off the end of cache.url, and set cache.cluster: true"
	case strings.Contains(err.Error(), "cluster support disabled"):
		e.Message = "the cache at " + r.where + " is no cluster"
		e.Hint = "take cache.cluster: true away"
	default:
		e.Message = "the cache at " + r.where + " does not answer reads now (" + word + ")"
		e.Hint = "run it again; if it stays, look at the cache's log"
	}
	return e
}

// unheard says why no server was heard at all.
func (r *Reader) unheard(e *rightful.Error, err error) {
	network, _ := errors.AsType[*net.OpError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	certificate, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case distrusted:
		e.Message = "the cache at " + r.where + " has a certificate that cannot be trusted: " + distrust(certificate.Err)
		e.Hint = "if an authority of your own signed it, name its PEM file: cache: {ca: path/to/ca.pem}"
	case noTLS:
		e.Message = "the cache at " + r.where + " does not speak TLS"
		e.Hint = "write redis:// for a server without TLS, or give the port on which it has TLS"
	case network != nil && network.Op == "remote error": // an alert, in the words of crypto/tls
		e.Message = "the cache at " + r.where + " breaks TLS off: " + network.Err.Error()
		e.Hint = "check that " + noClientCertificate
	case r.cluster != nil && network != nil && network.Addr != nil:
		e.Message = "the cache at " + r.where + " is a cluster of which " + network.Addr.String() + " does not answer, so none of it is read"
		e.Hint = "check that every node is up, and reachable from here under the address that it announces"
	default:
		e.Message = "the cache at " + r.where + " does not answer"
		e.Hint = "check that the host is reachable from here, and whether it wants TLS (rediss://)"
		if r.tls {
			e.Hint = "check that the host is reachable from here, that this port speaks TLS, and that " + noClientCertificate
		}
	}
}

// The server may close the connection before its alert is read, so the hint
// stands with both errors.
const noClientCertificate = "it wants no certificate of the client (tls-auth-clients optional)"

// distrust says what is wrong with a certificate.
func distrust(err error) string {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return "an unknown authority signed it"
	}
	if _, other := errors.AsType[x509.HostnameError](err); other {
		return "it is for another host"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "it has expired, or is not valid yet"
	}
	return "it is not valid"
}

// serverWord returns the first word of an error that the server sent: its code.
func serverWord(err error) string {
	server, ok := errors.AsType[redis.Error](err)
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(server.Error(), " ")
	return word
}
