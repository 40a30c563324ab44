package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
)

// authoring are the flags of commands that write: what the journal keeps about
// who does it.
type authoring struct {
	by  *string
	why string
}

// flags adds the flags. Who it is, the target tells the journal too.
func (a *authoring) flags(c *cobra.Command, t *target) {
	a.by = &t.by
	c.Flags().StringVar(a.by, "by", "", "who does this, for the journal (default: your name on this machine)")
	c.Flags().StringVar(&a.why, "reason", "", "why, for the journal")
}

func (a *authoring) author(s Streams) engine.Author {
	return engine.Author{Actor: cmp.Or(*a.by, whoami(s)), Reason: a.why}
}
