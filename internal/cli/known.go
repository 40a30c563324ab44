package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"rightful/internal/accept"
	"rightful/internal/view"
)

// knownFindings are the flags about what was accepted.
type knownFindings struct {
	path string
	show bool
}

func (k *knownFindings) flags(c *cobra.Command) {
	k.fileFlag(c)
	c.Flags().BoolVar(&k.show, "show-accepted", false, "list the findings that are accepted")
}

func (k *knownFindings) fileFlag(c *cobra.Command) {
	c.Flags().StringVar(&k.path, "accepted", "", "the file of accepted findings (default: "+accept.FileName+" beside the config, or here for a world)")
}

// file returns the file that a target names: the world, or the config.
func (t *target) file() string {
	if t.world != "" {
		return t.world
	}
	return t.config
}

// read reads the file of accepted findings. One that was named must be there,
// unless it is about to be written.
func (k *knownFindings) read(t *target, create bool) (*accept.File, string, error) {
	path := k.path
	switch {
	case path != "":
	case t.world != "":
		path = accept.FileName
	default:
		path = filepath.Join(filepath.Dir(t.config), accept.FileName)
	}
	f, err := accept.Read(path)
	if err == nil && k.path != "" && !f.Exists() && !create {
		err = usage("--accepted "+path+": there is no such file", "rightful accept writes one; leave the flag out if nothing is accepted")
	}
	return f, path, err
}

// open opens the target with what is accepted. The caller closes it.
func (k *knownFindings) open(ctx context.Context, t *target, s Streams) (*opened, error) {
	f, _, err := k.read(t, false) // before anything that takes long
	if err != nil {
		return nil, err
	}
	e, err := t.open(ctx, s)
	if err == nil {
		e.Accepted = f.List
	}
	return e, err
}

func (k *knownFindings) printer(s Streams) *view.Printer {
	p := printer(s)
	p.ShowAccepted = k.show
	return p
}
