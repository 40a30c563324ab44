package main

import (
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"rightful/gateway/fromfile"
)

//go:embed pages.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages.html"))

type shop struct {
	store   *store
	gateway *fromfile.Gateway
	events  http.Handler // Stripe's webhooks
	log     *slog.Logger

	url, price string
	key        []byte // of cookies
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /sign-up", s.signUp)
	mux.HandleFunc("POST /sign-in", s.returns)
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) { s.cookie(w, "", -1); s.goHome(w, r) })
	mux.HandleFunc("POST /companies", s.member(s.newCompany))
	mux.HandleFunc("POST /switch", s.member(s.switchTo))
	mux.HandleFunc("POST /invite", s.member(s.invite))
	mux.HandleFunc("POST /close", s.member(s.closeCompany))
	mux.HandleFunc("GET /join/{token}", func(w http.ResponseWriter, r *http.Request) { s.show(w, http.StatusOK, "join", r.PathValue("token")) })
	mux.HandleFunc("POST /join/{token}", s.member(s.join))
	mux.HandleFunc("POST /buy", s.member(s.buy))
	mux.HandleFunc("POST /portal", s.member(s.portal))
	mux.HandleFunc("GET /return", s.comeBack)
	// Forms of other sites are refused. Stripe's events are no forms: they are signed.
	all := http.NewServeMux()
	all.Handle("/", http.NewCrossOriginProtection().Handler(mux))
	all.Handle("/webhooks/stripe", s.events)
	return all
}

// member is for people who are signed in.
func (s *shop) member(page func(http.ResponseWriter, *http.Request, user)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, err := s.store.user(r.Context(), s.signedIn(r))
		switch {
		case err != nil:
			s.later(w, r, err)
		case u.ID == 0:
			s.show(w, http.StatusUnauthorized, "message", "Please sign in.")
		default:
			page(w, r, u)
		}
	}
}

func (s *shop) home(w http.ResponseWriter, r *http.Request) {
	u, err := s.store.user(r.Context(), s.signedIn(r))
	if err != nil {
		s.later(w, r, err)
		return
	}
	s.show(w, http.StatusOK, "home", u)
}

func (s *shop) signUp(w http.ResponseWriter, r *http.Request) {
	email, password, name := typed(r, "email"), r.PostFormValue("password"), typed(r, "company")
	if !strings.Contains(email, "@") || len(password) < 8 || name == "" {
		s.show(w, http.StatusBadRequest, "message", "Please give an email, a password of at least 8 characters, and the name of your company.")
		return
	}
	id, err := s.store.signUp(r.Context(), email, password, name)
	s.welcome(w, r, id, err)
}

func (s *shop) returns(w http.ResponseWriter, r *http.Request) {
	id, err := s.store.signIn(r.Context(), typed(r, "email"), r.PostFormValue("password"))
	s.welcome(w, r, id, err)
}

func (s *shop) welcome(w http.ResponseWriter, r *http.Request, id int64, err error) {
	if err == nil {
		s.signIn(w, id)
	}
	s.done(w, r, err)
}

func (s *shop) newCompany(w http.ResponseWriter, r *http.Request, u user) {
	name := typed(r, "company")
	if name == "" {
		s.done(w, r, errNo("Please give the name of the company."))
		return
	}
	s.done(w, r, s.store.newCompany(r.Context(), u.ID, name))
}

func (s *shop) switchTo(w http.ResponseWriter, r *http.Request, u user) {
	s.done(w, r, s.store.switchTo(r.Context(), u.ID, r.PostFormValue("company_id")))
}

func (s *shop) closeCompany(w http.ResponseWriter, r *http.Request, u user) {
	s.done(w, r, s.store.closeCompany(r.Context(), u.ID, u.CompanyID))
}

func (s *shop) invite(w http.ResponseWriter, r *http.Request, u user) {
	if u.CompanyID == 0 {
		s.done(w, r, errNo("You have no company to invite anybody to."))
		return
	}
	token, err := s.store.invite(r.Context(), u.CompanyID)
	if err != nil {
		s.later(w, r, err)
		return
	}
	s.show(w, http.StatusOK, "invited", s.url+"/join/"+token)
}

func (s *shop) join(w http.ResponseWriter, r *http.Request, u user) {
	s.done(w, r, s.store.join(r.Context(), u.ID, r.PathValue("token")))
}

// done sends people home, or says why not.
func (s *shop) done(w http.ResponseWriter, r *http.Request, err error) {
	if no, ok := errors.AsType[errNo](err); ok {
		s.show(w, http.StatusConflict, "message", string(no))
		return
	}
	if err != nil {
		s.later(w, r, err)
		return
	}
	s.goHome(w, r)
}

func (s *shop) goHome(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// later is what people see while the database or Stripe does not answer.
func (s *shop) later(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error("not answered", "path", r.URL.Path, "error", err)
	w.Header().Set("Retry-After", "5")
	s.show(w, http.StatusServiceUnavailable, "message", "This does not work right now, and nothing is lost. Please try again in a moment.")
}

func (s *shop) show(w http.ResponseWriter, status int, page string, about any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, page, about); err != nil {
		s.log.Error("page not written", "page", page, "error", err)
	}
}

func typed(r *http.Request, field string) string { return strings.TrimSpace(r.PostFormValue(field)) }
