// Package rediscache reads cached values from Redis or Valkey. It sends GET and
// HGET only, beside what opens a connection, and never looks for keys.
package rediscache

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"rightful"
	"rightful/internal/cachevalue"
)

// place is where the settings of the cache stand.
const place = "cache.url"

// A cache is near; one that does not answer in this time is as good as down.
const (
	connectTimeout = 3 * time.Second
	answerTimeout  = 5 * time.Second
)

// chunk is how many commands are sent before the answers are read.
const chunk = 500

// Reader is a rightful.CacheReader on one Redis database. It is safe for use by
// several goroutines.
type Reader struct {
	client *redis.Client
	where  string // host and port, or the socket's path
}

var _ rightful.CacheReader = (*Reader)(nil)

// go-redis reports failed connections on standard error by itself. They come
// back as errors too, and that is enough.
var silence = sync.OnceFunc(func() { redis.SetLogger(&logging.VoidLogger{}) })

// Open prepares to read the cache at a redis://, rediss:// or unix:// URL; user,
// password and database stand in the URL, as for redis-cli. A URL that cannot
// be used is an error of kind invalid, which does not repeat it.
//
// Open does not connect, because a cache that is down must not stop an audit:
// Read and Ping tell.
func Open(location string) (*Reader, error) {
	silence()
	invalid := func(message string) (*Reader, error) {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message,
			Hint: "write redis://user:password@host:6379/0, rediss://... for TLS, or unix:///path/to/socket?db=0; escape special characters of the password as %XX"}
	}
	parsed, err := url.Parse(location)
	if err != nil {
		return invalid("this is not a URL")
	}
	switch parsed.Scheme {
	case "redis", "rediss", "unix":
	default:
		return invalid("the URL must begin with redis://, rediss:// or unix://")
	}
	options, err := redis.ParseURL(location)
	if err != nil {
		return invalid("the URL's host, database or options cannot be read")
	}
	options.DialTimeout = connectTimeout
	options.ReadTimeout = answerTimeout
	options.WriteTimeout = answerTimeout
	options.ContextTimeoutEnabled = true
	options.DialerRetries = 1
	options.MaxRetries = -1 // none: a second try would double the wait
	options.PoolSize = 4
	options.PipelinePoolSize = 4
	options.Protocol = 2
	options.DisableIdentity = true // CLIENT SETINFO is no reading
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Reader{client: redis.NewClient(options), where: options.Addr}, nil
}

// Close gives the connections back.
func (r *Reader) Close() error { return r.client.Close() }

// Ping reports whether the cache answers and accepts the credentials. Its
// errors are those of Read.
func (r *Reader) Ping(ctx context.Context) error {
	if err := r.client.Ping(ctx).Err(); err != nil {
		return r.failed(ctx, err)
	}
	return nil
}

// Read implements rightful.CacheReader. A hash without the field counts as not
// found. An entry whose Decode cannot be parsed is undecodable.
func (r *Reader) Read(ctx context.Context, entries []rightful.CacheEntry) error {
	for len(entries) > 0 {
		n := min(chunk, len(entries))
		if err := r.read(ctx, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// read fills one chunk in one round trip.
func (r *Reader) read(ctx context.Context, entries []rightful.CacheEntry) error {
	decodes := make([]cachevalue.Decode, len(entries))
	answers := make([]*redis.StringCmd, len(entries))
	pipe := r.client.Pipeline()
	for i := range entries {
		e := &entries[i]
		e.Found, e.Value, e.Undecodable = false, "", ""
		decode, err := cachevalue.ParseDecode(e.Decode)
		switch {
		case err != nil:
			e.Undecodable = err.Error()
			continue
		case decode.HashField() != "":
			answers[i] = pipe.HGet(ctx, e.Key, decode.HashField())
		default:
			answers[i] = pipe.Get(ctx, e.Key)
		}
		decodes[i] = decode
	}
	// The error of Exec is the first command's, and each command is looked at
	// below. But when the connection could not be set up (a wrong password),
	// go-redis leaves the commands without an error, as if they had answered.
	if _, err := pipe.Exec(ctx); err != nil && !carried(err, answers) {
		return r.failed(ctx, err)
	}
	for i, answer := range answers {
		if answer == nil {
			continue
		}
		raw, err := answer.Result()
		e := &entries[i]
		switch {
		case errors.Is(err, redis.Nil):
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			e.Found = true
			e.Undecodable = "the key holds another type of value than decode expects"
		case err != nil:
			return r.failed(ctx, err)
		default:
			e.Found = true
			e.Value, e.Undecodable = decodes[i].Value(raw)
		}
	}
	return nil
}

// carried reports whether err is the answer of one of the commands.
func carried(err error, answers []*redis.StringCmd) bool {
	return slices.ContainsFunc(answers, func(answer *redis.StringCmd) bool {
		return answer != nil && errors.Is(answer.Err(), err)
	})
}

// failed turns an error of the whole cache into one that a person can act on.
// The server's own text is left out: it may repeat an argument.
func (r *Reader) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := &rightful.Error{Kind: rightful.KindUnreachable, Place: place, Err: err}
	word := serverWord(err)
	switch {
	case word == "": // the connection, not the server
		e.Message = "the cache at " + r.where + " does not answer"
		e.Hint = "check that the host is reachable from here, and whether it wants TLS (rediss://)"
	case word == "NOAUTH", word == "WRONGPASS", strings.Contains(err.Error(), "invalid password"),
		strings.Contains(err.Error(), "without any password"):
		e.Kind = rightful.KindUnauthorized
		e.Message = "the cache at " + r.where + " refuses the user or the password (" + word + ")"
		e.Hint = "put the user and the password into the URL: redis://user:password@host:6379/0"
	case word == "NOPERM":
		e.Kind = rightful.KindUnauthorized
		e.Message = "the cache at " + r.where + " does not let this user read the configured keys (NOPERM)"
		e.Hint = "allow it to read: ACL SETUSER <user> +get +hget +ping ~<keys>"
	case word == "MOVED", word == "ASK", word == "CLUSTERDOWN", word == "CROSSSLOT":
		e.Message = "the cache at " + r.where + " is one node of a cluster, which cannot be read as a whole (" + word + ")"
		e.Hint = "point cache.url at an endpoint that serves every key"
	default:
		e.Message = "the cache at " + r.where + " does not answer reads now (" + word + ")"
	}
	return e
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
