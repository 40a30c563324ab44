package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Sync says how a mirror is kept fresh.
type Sync struct {
	// Sweep is how old the reading of a list may become of which no events tell every
	// change: 7d, 36h. Empty: as old as it may be.
	Sweep string `yaml:"sweep"`
	// Full is the same of every list: events that Stripe never made, or that a copy's
	// maker missed, are found by nothing else.
	Full string `yaml:"full"`
}

// defaultMirror is where the mirror is kept when the config says nothing.
const defaultMirror = "sqlite:rightful-mirror.db"

// MirrorAddress returns where the mirror of Stripe is kept. A relative path of a file
// starts from the config's own folder, as that of the state does.
func (c *Config) MirrorAddress() string { return c.beside(cmp.Or(c.Mirror, defaultMirror)) }

// beside lets the relative path of a SQLite file start from the folder of the config.
func (c *Config) beside(address string) string {
	path, isFile := strings.CutPrefix(address, "sqlite:")
	path = strings.TrimPrefix(path, "//")
	if !isFile || path == "" || strings.HasPrefix(path, ":") || filepath.IsAbs(path) {
		return address
	}
	return "sqlite:" + filepath.Join(filepath.Dir(c.file.name), path)
}

// shortestSweep is the shortest time between two sweeps that makes sense: each reads whole
// lists.
const shortestSweep = time.Hour

// SweepAfter returns Sweep, 0 when there is none.
func (s Sync) SweepAfter() time.Duration {
	d, _ := age(s.Sweep) // validated
	return d
}

// FullAfter returns Full, 0 when there is none.
func (s Sync) FullAfter() time.Duration {
	d, _ := age(s.Full) // validated
	return d
}

// age reads a duration that may be in days.
func age(text string) (time.Duration, error) {
	if days, is := strings.CutSuffix(text, "d"); is {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	return time.ParseDuration(text)
}

// validateSync checks the section sync, and that the mirror has a place of its own.
func (c *Config) validateSync() error {
	if c.MirrorAddress() == c.StateAddress() && strings.HasPrefix(c.StateAddress(), "sqlite:") {
		return c.invalid("mirror", "is the file that keeps the state", "give the mirror a file of its own: it may be thrown away, and the state may not")
	}
	for _, one := range []struct{ key, value, usual string }{{"sweep", c.Sync.Sweep, "7d"}, {"full", c.Sync.Full, "30d"}} {
		if one.value == "" {
			continue
		}
		if d, err := age(one.value); err != nil || d < shortestSweep {
			return c.invalid("sync."+one.key, fmt.Sprintf("%q is no time of at least %v", one.value, shortestSweep), "write it with its unit: "+one.key+": "+one.usual)
		}
	}
	return nil
}
