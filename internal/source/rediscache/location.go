package rediscache

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"rightful"
)

// location is what a URL says about where the cache is and who asks.
type location struct {
	network        string // tcp or unix
	addrs          []string
	user, password string
	database       int
	tls            bool
}

const urlHint = "write redis://user:password@host:6379/0, rediss://... for TLS, or unix:///path/to/socket?db=0; " +
	"escape special characters of the password as %XX"

// refused returns an error about a setting. The URL holds a password, so it is
// never repeated, and neither are the library's words about it.
func refused(setting, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: setting, Message: message, Hint: hint}
}

// locate reads a URL. It takes nothing but what is documented: an option that
// turns the check of certificates off must not come in by the back door.
func locate(text string) (*location, error) {
	invalid := func(message string) (*location, error) { return nil, refused(place, message, urlHint) }
	first, others := splitHosts(text)
	u, err := url.Parse(first)
	if err != nil {
		return invalid("this is not a URL")
	}
	l := &location{network: "tcp"}
	switch u.Scheme {
	case "redis", "valkey":
	case "rediss", "valkeys":
		l.tls = true
	case "unix":
		l.network = "unix"
	default:
		return invalid("the URL must begin with redis://, rediss:// or unix://")
	}
	l.user = u.User.Username()
	l.password, _ = u.User.Password()
	query := u.Query()
	database := query.Get("db")
	query.Del("db")
	if len(query) > 0 || u.Fragment != "" {
		return invalid("the URL has an option that is not known; the only one is db")
	}
	if l.network == "unix" {
		l.addrs = []string{u.Path}
		if u.Path == "" || u.Host != "" {
			return invalid("the URL of a socket needs three slashes before its path")
		}
	} else {
		if path := strings.Trim(u.Path, "/"); path != "" {
			database = path
		}
		l.addrs = []string{address(u)}
		for _, host := range others {
			u, err := url.Parse("redis://" + host)
			if err != nil {
				return invalid("one of the URL's hosts cannot be read")
			}
			l.addrs = append(l.addrs, address(u))
		}
	}
	if database != "" {
		if l.database, err = strconv.Atoi(database); err != nil || l.database < 0 {
			return invalid("the URL's database is not a number")
		}
	}
	return l, nil
}

// splitHosts takes all but the first of several hosts, with commas between, out
// of a URL.
func splitHosts(text string) (first string, others []string) {
	scheme, rest, _ := strings.Cut(text, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	hosts := rest[strings.LastIndex(rest[:end], "@")+1 : end]
	host, more, several := strings.Cut(hosts, ",")
	if !several {
		return text, nil
	}
	return scheme + "://" + rest[:end-len(hosts)] + host + rest[end:], strings.Split(more, ",")
}

// address returns a URL's host and port, with the usual ones for what is left
// out.
func address(u *url.URL) string {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "6379"
	}
	return net.JoinHostPort(host, port)
}

// tlsConfig returns how the server's certificate is checked: against the
// authorities in the file, and no others, when there is one. Each node of a
// cluster must prove the name or address by which it is reached.
func tlsConfig(file string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return config, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, refused(placeCA, "the file "+file+" cannot be read", "name the PEM file of the authority that signed the server's certificate")
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, refused(placeCA, "the file "+file+" holds no certificate", "it must be PEM: -----BEGIN CERTIFICATE-----")
	}
	return config, nil
}
