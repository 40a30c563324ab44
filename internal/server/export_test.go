package server

import "time"

// SetPatience shortens how long a client may take.
func (s *Server) SetPatience(d time.Duration) { s.patience = d }

// Forgers returns how many addresses are remembered.
func (s *Server) Forgers() int { return len(s.forgers.known) }

// SetConnections bounds how many may be open at a time.
func (s *Server) SetConnections(most int) { s.connections = most }
