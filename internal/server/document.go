package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/time/rate"
)

// Anybody may ask for a document, and it is large: this many are sent at a time, and in a
// second after the first hundred.
const (
	documentsAtOnce    = 4
	documentsPerSecond = 20
	documentsAtFirst   = 100
)

// document is what is answered with the same bytes to everybody. They are made once.
type document struct {
	plain, zipped       []byte
	plainTag, zippedTag string // a tag is of bytes, so that each coding has its own

	sending limiter
	pace    *rate.Limiter
}

func newDocument(raw []byte) *document {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one
	_, _ = z.Write(raw)                                   // memory takes all of it
	_ = z.Close()
	sum := sha256.Sum256(raw)
	tag := hex.EncodeToString(sum[:12])
	return &document{
		plain: raw, zipped: b.Bytes(), plainTag: `"` + tag + `"`, zippedTag: `"` + tag + `-gzip"`,
		sending: newLimiter(documentsAtOnce), pace: rate.NewLimiter(documentsPerSecond, documentsAtFirst),
	}
}

// documented answers with a document. Whoever has it already is told so, at no cost. In a
// flood the connection is closed too: what else was sent on it is not looked at.
func (s *Server) documented(d *document) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, tag := d.plain, d.plainTag
		h := w.Header()
		if zips(r.Header.Values("Accept-Encoding")) {
			body, tag = d.zipped, d.zippedTag
		}
		known := knows(r.Header.Values("If-None-Match"), tag)
		if !known {
			if !d.sending.enter() {
				s.flooded(w, r)
				return
			}
			defer d.sending.leave()
			if !d.pace.Allow() {
				s.flooded(w, r)
				return
			}
		}
		h.Set("Cache-Control", "no-cache") // kept, and asked for again by its tag
		h.Set("Vary", "Accept-Encoding")
		h.Set("ETag", tag)
		if known {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if tag == d.zippedTag {
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body) // whoever went away does not read it
	})
}

func (s *Server) flooded(w http.ResponseWriter, r *http.Request) {
	p := busy()
	p.close = true
	s.fail(w, r, p, nil)
}

// zips reports whether a client takes gzip by name (RFC 9110, 12.5.3).
func zips(accepted []string) bool {
	for part := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		coding, weight, weighed := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		name, q, _ := strings.Cut(strings.TrimSpace(weight), "=")
		at, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || strings.EqualFold(name, "q") && err == nil && at > 0
	}
	return false
}

// knows reports whether a client has what the tag is of (RFC 9110, 13.1.2).
func knows(tags []string, tag string) bool {
	for part := range strings.SplitSeq(strings.Join(tags, ","), ",") {
		if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == tag {
			return true
		}
	}
	return false
}
