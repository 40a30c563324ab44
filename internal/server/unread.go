package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// net/http answers by itself, in plain text, what it cannot read as a request: a path
// with a broken escape, no Host, headers that are too large. It writes such an answer
// at once, straight to the connection, and closes it; so it can be known by how it
// looks. None of ours does: they begin with other headers.
var plainText = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// plain takes such an answer apart. why is a fixed text of net/http, or empty.
func plain(answer []byte) (status int, why string, ok bool) {
	line, _, found := bytes.Cut(answer[:min(len(answer), 300)], plainText)
	rest, isHTTP := strings.CutPrefix(string(line), "HTTP/1.1 ")
	if !found || !isHTTP || strings.Contains(rest, "\r\n") || len(rest) < 3 {
		return 0, "", false
	}
	status, err := strconv.Atoi(rest[:3])
	_, why, _ = strings.Cut(rest, ": ")
	return status, why, err == nil && status >= http.StatusBadRequest
}

// unread answers what could not be read as a request, as everything else is answered.
func (s *Server) unread(status int, why string) []byte {
	p := &problem{Status: status, Code: "malformed", Detail: "this cannot be read as a request of HTTP"}
	switch {
	case status == http.StatusRequestHeaderFieldsTooLarge:
		p.Code, p.Detail = "too_large", fmt.Sprintf("path and headers have at most %d bytes", maxHeaderBytes)
	case why != "":
		p.Detail += ": " + why
	default:
		p.Hint = "look for % in the path that is not followed by two hexadecimal digits, and for headers that no client sends"
	}
	id := requestID("")
	s.sampler.tell(false)
	if s.sampler.take(cause{route: "unread", status: status, code: p.Code}) {
		s.o.Logger.LogAttrs(context.Background(), slog.LevelWarn, "request", slog.String("route", "unread"), slog.Int("status", status), slog.String("request_id", id))
	}
	p.close = true
	var answer bytes.Buffer
	head := http.Header{}
	w := &bare{header: head}
	p.write(w, id)
	head.Set("X-Request-Id", id)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Length", strconv.Itoa(w.body.Len()))
	fmt.Fprintf(&answer, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = head.Write(&answer) // to memory
	answer.WriteString("\r\n")
	answer.Write(w.body.Bytes())
	return answer.Bytes()
}

// bare keeps an answer.
type bare struct {
	header http.Header
	body   bytes.Buffer
}

func (b *bare) Header() http.Header         { return b.header }
func (b *bare) WriteHeader(int)             {}
func (b *bare) Write(p []byte) (int, error) { return b.body.Write(p) }

// Write implements net.Conn.
func (c *counted) Write(p []byte) (int, error) {
	if status, why, ok := plain(p); ok {
		if _, err := c.Conn.Write(c.of.unread(status, why)); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return c.Conn.Write(p)
}
