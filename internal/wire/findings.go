package wire

import (
	"path/filepath"
	"slices"
	"time"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/config"
)

// sifter returns what leaves of findings of the gateway those that are kept: errors and
// warnings that the config does not turn off and that nobody has accepted. It gives them
// the severity of the config. path is the config's file.
func sifter(c *config.Config, path string, now func() time.Time) func([]rightful.Finding) []rightful.Finding {
	return func(findings []rightful.Finding) []rightful.Finding {
		kept := []rightful.Finding{}
		for _, f := range findings {
			if own := c.Codes[string(f.Code)]; own != "" {
				f.Severity = rightful.Severity(own)
			}
			if f.Severity == rightful.SeverityError || f.Severity == rightful.SeverityWarning {
				kept = append(kept, f)
			}
		}
		if len(kept) == 0 {
			return kept
		}
		if file, err := accept.Read(filepath.Join(filepath.Dir(path), accept.FileName)); err == nil {
			// A file that cannot be read hides nothing.
			kept, _ = file.List.Apply(kept, now().Unix())
		}
		return slices.Clip(kept)
	}
}
