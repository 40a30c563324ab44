package stripesim

import "net/http"

func (s *Server) servePortal(w http.ResponseWriter, r *http.Request, id string) {
	s.showNotice(w, http.StatusNotFound, notice{Title: "No such page"})
}
