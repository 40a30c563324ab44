// Package docs carries the documentation that the binary can print.
package docs

import "embed"

// Checks holds one page for each code: checks/RF101.md and so on.
//
//go:embed checks/*.md
var Checks embed.FS
