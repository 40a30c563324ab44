// Package rediscache reads cached values from Redis or Valkey, one server or a
// cluster. A Reader sends GET and HGET only, beside what opens a connection and
// finds the nodes of a cluster. It looks for keys (scan.go) only when it is asked
// to, with SCAN. A Writer (write.go), which is asked for apart, deletes single keys.
package rediscache

import (
	"context"
	"errors"
	"fmt"
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

// Where the settings of the cache stand.
const (
	place   = "cache.url"
	placeCA = "cache.ca"
)

// A cache is near; one that does not answer in this time is as good as down.
const (
	connectTimeout = 3 * time.Second
	answerTimeout  = 5 * time.Second
	chunkTimeout   = 10 * time.Second // a chunk, redirections of a cluster included
)

// chunk is how many commands are sent before the answers are read.
const chunk = 500

// slots is how many hash slots a cluster has.
const slots = 16384

// Options say which cache is read.
type Options struct {
	// URL is redis:// or valkey://, with TLS rediss:// or valkeys://, or
	// unix://. User, password and database stand in it, as for redis-cli.
	// Several nodes of a cluster have commas between them.
	URL string
	// CA is the PEM file of the only authorities that are trusted to sign the
	// server's certificate; the system's when empty.
	CA string
	// Cluster says that the hosts are nodes of a Redis Cluster, which is then
	// read as a whole or not at all.
	Cluster bool
}

// Reader is a rightful.CacheReader on one Redis database. It is safe for use by
// several goroutines.
type Reader struct {
	client  redis.UniversalClient
	cluster *redis.ClusterClient // client, when it is one
	where   string               // host and port, or the socket's path
	tls     bool
}

var _ rightful.CacheReader = (*Reader)(nil)

// go-redis reports failed connections on standard error by itself. They come
// back as errors too, and that is enough.
var silence = sync.OnceFunc(func() { redis.SetLogger(&logging.VoidLogger{}) })

// Open prepares to read a cache. Options that cannot be used are an error of
// kind invalid, which does not repeat the URL.
//
// Open does not connect, because a cache that is down must not stop an audit:
// Read and Ping tell.
func Open(o Options) (*Reader, error) {
	silence()
	at, err := locate(o.URL)
	switch {
	case err != nil:
		return nil, err
	case len(at.addrs) > 1 && !o.Cluster:
		return nil, refused(place, "the URL names several hosts", "if they are nodes of one Redis Cluster, set cache.cluster: true")
	case o.Cluster && at.network == "unix":
		return nil, refused(place, "a cluster cannot be read through a socket", urlHint)
	case o.Cluster && at.database != 0:
		return nil, refused(place, "a cluster has no database but 0", "")
	case o.CA != "" && !at.tls:
		return nil, refused(placeCA, "is set, but cache.url does not ask for TLS", "write rediss:// instead of redis://")
	}
	r := &Reader{where: strings.Join(at.addrs, ", "), tls: at.tls}
	options := &redis.UniversalOptions{
		Addrs:                    at.addrs,
		Username:                 at.user,
		Password:                 at.password,
		DialTimeout:              connectTimeout,
		ReadTimeout:              answerTimeout,
		WriteTimeout:             answerTimeout,
		ContextTimeoutEnabled:    true,
		DialerRetries:            1,
		MaxRetries:               -1, // none: a second try would double the wait
		PoolSize:                 4,
		Protocol:                 2,
		DisableIdentity:          true, // CLIENT SETINFO is no reading
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if at.tls {
		if options.TLSConfig, err = tlsConfig(o.CA); err != nil {
			return nil, err
		}
	}
	if o.Cluster {
		r.cluster = redis.NewClusterClient(options.Cluster())
		r.client = r.cluster
		return r, nil
	}
	options.DB = at.database
	single := options.Simple()
	single.Network = at.network
	r.client = redis.NewClient(single)
	return r, nil
}

// Close gives the connections back.
func (r *Reader) Close() error { return r.client.Close() }

// Ping reports whether the cache answers and accepts the credentials; of a
// cluster, whether every node does and they hold all slots together. Its errors
// are those of Read.
func (r *Reader) Ping(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	ping := func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() }
	var err error
	if r.cluster == nil {
		err = r.client.Ping(bounded).Err()
	} else if err = r.cluster.ForEachMaster(bounded, ping); err == nil {
		err = r.whole(bounded)
	}
	if err != nil {
		return r.failed(ctx, err)
	}
	return nil
}

// whole reports whether the nodes of the cluster hold all slots.
func (r *Reader) whole(ctx context.Context) error {
	// Asked through the cluster, go-redis would send COMMAND first.
	node, err := r.cluster.MasterForKey(ctx, "")
	if err != nil {
		return err
	}
	//lint:ignore SA1019 Redis 6 has no CLUSTER SHARDS, and go-redis itself needs SLOTS
	ranges, err := node.ClusterSlots(ctx).Result()
	if err != nil {
		return err
	}
	held := 0
	for _, s := range ranges {
		held += s.End - s.Start + 1
	}
	if held < slots {
		return partly(held)
	}
	return nil
}

// partly is how many slots are held, where that is not all.
type partly int

// Error tells, in the words in which a node would.
func (p partly) Error() string {
	return fmt.Sprintf("CLUSTERDOWN %d of %d slots are served", int(p), slots)
}

// RedisError marks an error that the cache itself is the cause of.
func (partly) RedisError() {}

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

// read fills one chunk in one round trip, of a cluster one to each node.
func (r *Reader) read(ctx context.Context, entries []rightful.CacheEntry) error {
	bounded, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
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
			answers[i] = pipe.HGet(bounded, e.Key, decode.HashField())
		default:
			answers[i] = pipe.Get(bounded, e.Key)
		}
		decodes[i] = decode
	}
	// The error of Exec is the first command's, and each command is looked at
	// below. But when the connection could not be set up (a wrong password),
	// go-redis leaves the commands without an error, as if they had answered.
	if _, err := pipe.Exec(bounded); err != nil && !carried(err, answers) {
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
