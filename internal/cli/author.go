package cli

import (
	"github.com/spf13/cobra"

	"rightful/internal/engine"
)

// authoring are the flags of commands that write: what the journal keeps about
// who does it.
type authoring struct {
	by  string
	why string
}

func (a *authoring) flags(c *cobra.Command) {
	c.Flags().StringVar(&a.by, "by", "", "who does this, for the journal (default: your name on this machine)")
	c.Flags().StringVar(&a.why, "reason", "", "why, for the journal")
}

func (a *authoring) author(s Streams) engine.Author {
	if a.by == "" {
		return engine.Author{Actor: whoami(s), Reason: a.why}
	}
	return engine.Author{Actor: a.by, Reason: a.why}
}
