package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// around is what stands around the pieces of Go on a page of the docs: what a reader has
// already.
const around = `package snippets

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"rightful"
	"rightful/gateway"
	"rightful/gateway/fromfile"
)

type store struct{}

func (*store) keepSubscription(ctx context.Context, subscription, customer, company, status string) error { return nil }
func (*store) takeNotice(context.Context, gateway.Notice) error { return nil }

var (
	_ = os.Getenv
	_ fromfile.Options
	_ slog.Logger
	_ rightful.KeySet
	_ http.Handler
	_ gateway.Notice
)
`

// inside is what the pieces have at hand that are no whole functions.
const inside = `(ctx context.Context, g *%s, r *http.Request, mux *http.ServeMux, inbox rightful.InboxWork, log *slog.Logger, store *store,
	id, user, shown, price, base, url, customer string, worked chan error, keep func(context.Context, gateway.Notice) error, count func(string),
	d rightful.DirectoryReader, w rightful.DirectoryWriter, stripe gateway.Stripe, intents rightful.IntentStore, keys rightful.KeySet) {
`

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestSnippetsOfDocsCompile: what a page tells to write in Go can be written so.
func TestSnippetsOfDocsCompile(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for page, gate := range map[string]string{"webhooks": "gateway.Gateway", "gateway": "gateway.Gateway", "validation": "gateway.Gateway", "embedding": "fromfile.Gateway"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page+".md"))
		if err != nil {
			t.Fatal(err)
		}
		blocks := goBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			t.Errorf("docs/%s.md has no Go any more", page)
		}
		for n, block := range blocks {
			code := block[1]
			name := fmt.Sprintf("%s_%d.go", page, n+1)
			if strings.HasPrefix(code, "func ") {
				code = strings.Replace(around, "func (*store) takeNotice(context.Context, gateway.Notice) error { return nil }\n", "", 1) + code
			} else {
				code = around + "\nfunc snippet" + fmt.Sprintf(inside, gate) + code + "}\n"
			}
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			// Each is a package of its own, so that the same name may stand in several.
			overlay.Replace[filepath.Join(root, "docs", "snippets", strings.TrimSuffix(name, ".go"), name)] = file
		}
	}
	raw, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(at, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", at, "-gcflags=-e"}
	for file := range overlay.Replace {
		args = append(args, "./docs/snippets/"+filepath.Base(filepath.Dir(file)))
	}
	build := exec.CommandContext(t.Context(), "go", args...)
	build.Dir = root
	out, err := build.CombinedOutput()
	if err == nil {
		return
	}
	wrong := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "#") || strings.Contains(line, "declared and not used") {
			continue // what a piece declares, the reader goes on with
		}
		t.Error(strings.TrimSpace(line))
		wrong++
	}
	if len(out) == 0 || wrong > 0 {
		t.Error(err)
	}
}
