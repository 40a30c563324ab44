package server

import (
	"net/http"
)

// JobPagesAt is where the pages about the queue are.
const JobPagesAt = "/jobs"

// largestForm is how much a page may send.
const largestForm = 64 << 10

// pages lets people see pages with a browser. It asks them for a name, which may be any,
// and a password, which is a token with the scope operator: browsers can send nothing else
// by themselves. A browser sends those along whoever makes it ask, so what changes
// anything must come from these pages, by what the browser says of it.
func (s *Server) pages(next http.Handler) http.Handler {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &problem{Status: http.StatusForbidden, Code: "forbidden", Detail: "this comes from another site", close: true}, nil)
	}))
	guarded := own.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r
		if _, password, basic := r.BasicAuth(); basic && len(r.Header.Values("Authorization")) == 1 {
			asked = r.Clone(r.Context())
			asked.Header.Set("Authorization", "Bearer "+password)
		}
		if _, p := s.authorize(asked, ScopeOperator); p != nil {
			if p.Status == http.StatusUnauthorized {
				p.challenge = `Basic realm="rightful: any name, and a token with the scope operator as password", charset="UTF-8"`
			}
			p.close = r.ContentLength != 0
			s.fail(w, r, p, nil)
			return
		}
		if !s.calls.enter() {
			s.fail(w, r, busy(), nil)
			return
		}
		defer s.calls.leave()
		h := w.Header()
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		forward := r.Clone(r.Context())
		forward.Header.Del("Authorization") // nobody behind needs it
		forward.Body = http.MaxBytesReader(w, r.Body, largestForm)
		guarded.ServeHTTP(w, forward)
	})
}
