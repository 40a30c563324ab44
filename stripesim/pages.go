package stripesim

import (
	"bytes"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The pages that Stripe hosts and a browser shows: the one where a buyer pays
// a checkout session, and the customer portal. They need no script, and load
// nothing.

//go:embed pages/*.html
var pageFiles embed.FS

const (
	payPrefix    = "/c/pay/"
	portalPrefix = "/p/session/"
	// maxPageBody is far above any form of the pages.
	maxPageBody = 64 << 10
	// maxTyped is how many characters of an email or a name are read.
	maxTyped = 512
)

var (
	noticePage    = pageOf("notice.html")
	payPage       = pageOf("pay.html")
	challengePage = pageOf("challenge.html")
	portalPage    = pageOf("portal.html")
)

func pageOf(name string) *template.Template {
	return template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name))
}

func isPage(path string) bool {
	return strings.HasPrefix(path, payPrefix) || strings.HasPrefix(path, portalPrefix)
}

// notice is a page that only says something.
type notice struct {
	Title, Text, Link, LinkID, LinkText string
}

// servePage answers a browser. Like the control API, pages are not counted,
// limited, delayed or met by faults: they are not part of the API.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	var handle func(http.ResponseWriter, *http.Request, string)
	path, id := r.URL.Path, ""
	if rest, ok := strings.CutPrefix(path, payPrefix); ok {
		handle, id = s.servePay, rest
	} else {
		id, _ = strings.CutPrefix(path, portalPrefix)
		handle = s.servePortal
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		// A page of another site must not press the buttons of this one.
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			s.showNotice(w, http.StatusForbidden, notice{Title: "Not from here", Text: "This form was sent from another site. Open the page itself and send it from there."})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxPageBody)
		if err := r.ParseForm(); err != nil {
			s.showNotice(w, http.StatusBadRequest, notice{Title: "Not understood", Text: "The form that was sent cannot be read. Go back and send it again."})
			return
		}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.showNotice(w, http.StatusMethodNotAllowed, notice{Title: "Not possible", Text: "A page is opened or its form is sent; nothing else can be done with it."})
		return
	}
	handle(w, r, id)
}

// show writes a page. It is made in full before anything is sent.
func (s *Server) show(w http.ResponseWriter, status int, page *template.Template, data any) {
	var body bytes.Buffer
	if err := page.ExecuteTemplate(&body, "layout", data); err != nil {
		http.Error(w, "The page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a browser that left does not matter
}

func (s *Server) showNotice(w http.ResponseWriter, status int, n notice) {
	s.show(w, status, noticePage, n)
}

// webAddress is a target that a browser may be sent to, "" when it is none:
// urls of sessions are written by whoever made them.
func webAddress(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return target
}

// goTo sends the browser on, as a GET.
func goTo(w http.ResponseWriter, r *http.Request, target string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "same-origin")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// typed is what a field of a form holds, without surrounding space.
func typed(r *http.Request, name string) string {
	value := strings.TrimSpace(strings.ToValidUTF8(r.PostForm.Get(name), ""))
	if runes := []rune(value); len(runes) > maxTyped {
		return string(runes[:maxTyped])
	}
	return value
}

// newForm names one showing of a form, so that sending it twice does its work
// once.
func newForm() string { return rand.Text() }

// base is the address of the server as the client of a request knows it, or
// Options.PublicURL.
func (s *Server) base(r *http.Request) string {
	if s.publicURL != "" {
		return s.publicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// inOrder are all accounts, the default one first: pages name no account.
func (s *Server) inOrder() []*account {
	first := s.account("")
	all := s.allAccounts()
	slices.SortFunc(all, func(a, b *account) int {
		switch {
		case a == first:
			return -1
		case b == first:
			return 1
		}
		return int(a.order) - int(b.order)
	})
	return all
}

// merchant is the name that a buyer knows an account by.
func (s *Server) merchant(a *account) string {
	o := parseObject(s.accountObject(a, false))
	for _, name := range []string{o.child("business_profile").str("name"), o.child("settings").child("dashboard").str("display_name")} {
		if name != "" {
			return name
		}
	}
	return a.id
}
