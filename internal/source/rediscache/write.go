package rediscache

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/cachevalue"
	"rightful/internal/failpoint"
)

// Writer is a rightful.CacheWriter on the database of a Reader. It is safe for
// use by several goroutines.
type Writer struct{ reader *Reader }

var _ rightful.CacheWriter = (*Writer)(nil)

// Writer returns the writing half of the cache. Its user needs more than a
// reader's: watch, unwatch, multi, exec, del and, for hashes, hdel.
func (r *Reader) Writer() *Writer { return &Writer{reader: r} }

// deleteTries is how often a key that changes while it is looked at is looked at
// again: readers fill keys all the time.
const deleteTries = 5

// Delete implements rightful.CacheWriter. The key is watched while its value is
// decoded, so that a value that comes in between is not deleted. A script on the
// server could compare bytes only, and many servers let no user run one.
func (w *Writer) Delete(ctx context.Context, e rightful.CacheEntry) error {
	decode, err := cachevalue.ParseDecode(e.Decode)
	if err != nil {
		return conflict(e.Key, err.Error())
	}
	bounded, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	for range deleteTries {
		sent := false
		err = w.reader.client.Watch(bounded, func(tx *redis.Tx) error { return remove(bounded, tx, e, decode, &sent) }, e.Key)
		var own *rightful.Error
		switch {
		case err == nil, errors.As(err, &own):
			return err
		case errors.Is(err, redis.TxFailedErr):
			continue
		case sent && serverWord(err) == "":
			return w.uncertain(ctx, e, err)
		}
		return w.failed(ctx, err)
	}
	return conflict(e.Key, "it changes all the time")
}

// remove deletes the watched key, or field, if it holds the entry's value. sent
// tells that the deletion was given to the connection.
func remove(ctx context.Context, tx *redis.Tx, e rightful.CacheEntry, decode cachevalue.Decode, sent *bool) error {
	read := tx.Get
	field := decode.HashField()
	if field != "" {
		read = func(ctx context.Context, key string) *redis.StringCmd { return tx.HGet(ctx, key, field) }
	}
	raw, err := read(ctx, e.Key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return conflict(e.Key, "it holds another type of value than decode expects")
	case err != nil:
		return err
	}
	switch value, undecodable := decode.Value(raw); {
	case undecodable != "":
		return conflict(e.Key, "what it holds cannot be decoded: "+undecodable)
	case value != e.Value:
		return conflict(e.Key, fmt.Sprintf("it holds %q, not %q", value, e.Value))
	}
	*sent = true
	failpoint.Here("cache/delete")
	queued, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		if field != "" {
			return pipe.HDel(ctx, e.Key, field).Err()
		}
		return pipe.Del(ctx, e.Key).Err()
	})
	failpoint.Here("cache/deleted")
	if redis.HasErrorPrefix(err, "EXECABORT") { // why, the queued command was told
		for _, command := range queued {
			if why := command.Err(); serverWord(why) != "" && !redis.HasErrorPrefix(why, "EXECABORT") {
				return why
			}
		}
	}
	return err
}

func conflict(key, why string) error {
	return &rightful.Error{Kind: rightful.KindConflict, Place: "cache", Message: "cache key " + key + " is not deleted: " + why}
}

// uncertain explains a deletion of which no answer came.
func (w *Writer) uncertain(ctx context.Context, e rightful.CacheEntry, err error) error {
	why := "the cache at " + w.reader.where + " did not answer"
	if ctx.Err() != nil {
		why, err = "it was called off", errors.Join(context.Cause(ctx), err)
	}
	return &rightful.Error{
		Kind: rightful.KindUncertain, Place: place, Err: err, Message: "whether cache key " + e.Key + " was deleted is not known: " + why,
		Hint: "read it again",
	}
}

// failed is Reader.failed for what only deleting runs into.
func (w *Writer) failed(ctx context.Context, err error) error {
	out := w.reader.failed(ctx, err)
	own, ok := errors.AsType[*rightful.Error](out)
	if !ok {
		return out
	}
	switch serverWord(err) {
	case "NOPERM":
		own.Message = "the cache at " + w.reader.where + " does not let this user delete the configured keys (NOPERM)"
		own.Hint = "allow it to: ACL SETUSER <user> +get +hget +ping +select +watch +unwatch +multi +exec +del +hdel ~<keys>"
	case "READONLY":
		own.Kind = rightful.KindUnavailable
		own.Message = "the cache at " + w.reader.where + " is a replica, which deletes nothing (READONLY)"
		own.Hint = "let cache.url name the primary"
	}
	return out
}
