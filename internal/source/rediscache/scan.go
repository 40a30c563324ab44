package rediscache

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"rightful"
)

var _ rightful.CacheScanner = (*Reader)(nil)

// scanCount is about how many keys the server looks at for one answer. It does
// nothing else meanwhile, so it is far less than what would be noticed.
const scanCount = 1000

// noKey is a pattern that no key matches: a byte of a set that has none.
const noKey = "[]"

// Scan implements rightful.CacheScanner with SCAN, on each node of a cluster in
// turn. The server looks at every key that it has, and does other work between
// two answers.
//
// Of a cluster that does not serve all slots, or moves some of them meanwhile,
// keys may be missed: that is an error of kind unreachable or unavailable.
func (r *Reader) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if pattern == "" {
			pattern = noKey // go-redis would take it for no pattern at all
		}
		nodes, before, err := r.nodes(ctx)
		if err != nil {
			yield("", r.scanFailed(ctx, err))
			return
		}
		for _, node := range nodes {
			if more, err := r.scanNode(ctx, node, pattern, yield); err != nil {
				yield("", r.scanFailed(ctx, err))
				return
			} else if !more {
				return
			}
		}
		if r.cluster == nil {
			return
		}
		bounded, cancel := context.WithTimeout(ctx, chunkTimeout)
		defer cancel()
		switch after, err := r.layout(bounded, nodes); {
		case err != nil:
			yield("", r.scanFailed(ctx, err))
		case after != before:
			yield("", moved(r.where))
		}
	}
}

// scanNode yields the keys of one node, and reports whether more are wanted.
func (r *Reader) scanNode(ctx context.Context, node *redis.Client, pattern string, yield func(string, error) bool) (more bool, err error) {
	page := func(cursor uint64) ([]string, uint64, error) {
		bounded, cancel := context.WithTimeout(ctx, chunkTimeout)
		defer cancel()
		return node.Scan(bounded, cursor, pattern, scanCount).Result()
	}
	for cursor := uint64(0); ; {
		keys, next, err := page(cursor)
		if err != nil {
			return false, err
		}
		for _, key := range keys {
			if !yield(key, nil) {
				return false, nil
			}
		}
		if cursor = next; cursor == 0 {
			return true, nil
		}
	}
}

// nodes returns the servers that hold keys, and of a cluster its layout.
func (r *Reader) nodes(ctx context.Context) (nodes []*redis.Client, layout string, err error) {
	if single, ok := r.client.(*redis.Client); ok {
		return []*redis.Client{single}, "", nil
	}
	bounded, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	r.cluster.ReloadState(bounded) // a node may have come since the last time
	if err := r.whole(bounded); err != nil {
		return nil, "", err
	}
	var mu sync.Mutex
	err = r.cluster.ForEachMaster(bounded, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, node)
		return nil
	})
	if err == nil {
		layout, err = r.layout(bounded, nodes)
	}
	return nodes, layout, err
}

// layout returns which node holds which slots. A key on its way from one node to
// another may pass a scan by, so slots that are on their way are an error.
func (r *Reader) layout(ctx context.Context, nodes []*redis.Client) (string, error) {
	var lines []string
	for _, node := range nodes {
		text, err := node.ClusterNodes(ctx).Result()
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(text) {
			fields := strings.Fields(line) // id, address, flags, master, ping, pong, epoch, state, slots
			if len(fields) < 8 || !strings.Contains(fields[2], "myself") {
				continue
			}
			slots := strings.Join(fields[8:], " ")
			if strings.Contains(slots, "->-") || strings.Contains(slots, "-<-") {
				return "", moved(r.where)
			}
			lines = append(lines, fields[0]+" "+slots)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

func moved(where string) error {
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: place,
		Message: "the cache at " + where + " is a cluster that moves slots from node to node, so keys may have been missed",
		Hint:    "run it again when it has settled: CLUSTER NODES shows slots on their way",
	}
}

// scanFailed is Reader.failed for what only scanning runs into.
func (r *Reader) scanFailed(ctx context.Context, err error) error {
	if own, ok := err.(*rightful.Error); ok {
		return own
	}
	out := r.failed(ctx, err)
	own, ok := out.(*rightful.Error)
	if !ok || serverWord(err) != "NOPERM" {
		return out
	}
	own.Message = "the cache at " + r.where + " does not let this user look for keys (NOPERM)"
	own.Hint = "allow it to: ACL SETUSER <user> +scan"
	if r.cluster != nil {
		own.Hint = "allow it to, on every node: ACL SETUSER <user> +scan +cluster|slots +cluster|nodes"
	}
	return own
}
