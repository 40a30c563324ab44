package accept_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/accept"
)

func inFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), accept.FileName)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) *accept.File {
	t.Helper()
	f, err := accept.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// numbered returns an entry of its own for each number.
func numbered(n int) accept.Entry {
	e := accepted(finding())
	e.Finding = fmt.Sprintf("RF103-%010x", n)
	e.Object.ID = fmt.Sprintf("cus_%d", n)
	return e
}

// TestWhatIsWrittenIsReadAgain with any text that a place may hold.
func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[\"'{}:#\\[\\],&*!|>%@`~ \\\\\n\t\x1b\u2028a4-]{0,12}"))
		var list accept.List
		for i := range rapid.IntRange(0, 4).Draw(rt, "entries") {
			e := numbered(i)
			e.Object.ID = "x" + text.Draw(rt, "id")
			e.Reason = "r" + text.Draw(rt, "reason")
			e.By = text.Draw(rt, "by")
			e.Account = text.Draw(rt, "account")
			if v := text.Draw(rt, "value"); rapid.Bool().Draw(rt, "has value") {
				e.WrongValue = &v
			} else {
				e.WrongValue = nil
			}
			list = append(list, e)
		}
		path := filepath.Join(dir, accept.FileName)
		_ = os.Remove(path)
		f, err := accept.Read(path)
		if err == nil {
			err = f.Write(list)
		}
		if err != nil {
			rt.Fatal(err)
		}
		again, err := accept.Read(path)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(accept.List(accept.Sorted(list)), again.List); diff != "" && len(list) > 0 {
			rt.Fatal(diff)
		}
	})
}

const byHand = `# Our own words.
accepted:
# the first one
- finding: RF103-0000000001
  code: RF103
  object: {type: customer, id: cus_1}
  account: acct_1
  livemode: true
  severity: warning
  security: false
  wrong_value: 4
  rightful_company: 11
  reason: known since the move   # ticket 7
  by: dora@example.com
  at: 2026-01-01
  until: 2026-01-31

# the second one
- finding: RF103-0000000002
  code: RF103
  object: {type: customer, id: cus_2}
  account: acct_1
  livemode: true
  severity: warning
  security: false
  wrong_value: "4"
  rightful_company: "11"
  reason: known since the move
  by: dora@example.com
  at: 2026-01-01
  until: 2026-01-31
`

// TestEditsKeepWhatPeopleWrote: comments and the entries that stay.
func TestEditsKeepWhatPeopleWrote(t *testing.T) {
	t.Parallel()
	path := inFile(t, byHand)
	f := readFile(t, path)
	if diff := cmp.Diff(accept.List{numbered(1), numbered(2)}, f.List); diff != "" {
		t.Fatal(diff)
	}
	if err := f.Write(f.List.With(numbered(3))); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(path)
	if got := string(raw); !strings.HasPrefix(got, byHand) || !strings.Contains(got, "RF103-0000000003") {
		t.Errorf("adding changed what stood there:\n%s", got)
	}
	f = readFile(t, path)
	if err := f.Write(f.List.Without([]accept.Entry{numbered(1), numbered(3)})); err != nil {
		t.Fatal(err)
	}
	raw, _ = os.ReadFile(path)
	_, second, _ := strings.Cut(byHand, "\n\n")
	if got, want := string(raw), "# Our own words.\naccepted:\n# the first one\n\n"+second; got != want {
		t.Errorf("removing left:\n%s", got)
	}
	renewed := numbered(2)
	renewed.Until = accept.Never
	f = readFile(t, path)
	if err := f.Write(f.List.With(renewed)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(accept.List{renewed}, readFile(t, path).List); diff != "" {
		t.Error(diff)
	}
	f = readFile(t, path)
	if err := f.Write(nil); err != nil {
		t.Fatal(err)
	}
	if left := readFile(t, path); len(left.List) != 0 || !left.Exists() {
		t.Errorf("left %+v", left.List)
	}
}

// TestIndentedListsStayIndented, with the comments in them.
func TestIndentedListsStayIndented(t *testing.T) {
	t.Parallel()
	head, items, _ := strings.Cut(byHand, "accepted:\n")
	indented := head + "accepted:\n  " + strings.ReplaceAll(strings.TrimSuffix(items, "\n"), "\n", "\n  ") + "\n"
	path := inFile(t, indented)
	f := readFile(t, path)
	if err := f.Write(f.List.With(numbered(3))); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(path)
	if got := string(raw); !strings.HasPrefix(got, indented) || !strings.Contains(got, "\n  - finding: RF103-0000000003\n    code: RF103\n") {
		t.Errorf("adding changed what stood there:\n%s", got)
	}
}

// TestFlowIsWrittenAnew: a form that cannot be edited line by line.
func TestFlowIsWrittenAnew(t *testing.T) {
	t.Parallel()
	path := inFile(t, `{accepted: [{finding: RF103-0000000001, code: RF103, object: {type: customer, id: cus_1}, account: acct_1, livemode: true,
  severity: warning, security: false, wrong_value: "4", rightful_company: "11", reason: known since the move, by: dora@example.com, at: 2026-01-01, until: 2026-01-31}]}`)
	f := readFile(t, path)
	if err := f.Write(f.List.With(numbered(2))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(accept.List{numbered(1), numbered(2)}, readFile(t, path).List); diff != "" {
		t.Error(diff)
	}
}

// TestAtOnceOrNotAtAll: permissions and links stay, and nobody's change is lost.
func TestAtOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	path := inFile(t, byHand)
	link := filepath.Join(filepath.Dir(path), "link.yaml")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	f := readFile(t, link)
	if err := f.Write(f.List.With(numbered(3))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if len(readFile(t, path).List) != 3 {
		t.Error("nothing was written through the link")
	}
	if err := f.Write(f.List); err == nil || !strings.Contains(err.Error(), "was changed while") {
		t.Errorf("an entry of somebody else would be lost: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestErrors expects the place and the reason of each mistake.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ from, to, place, says string }{
		"unknown key":     {"  reason:", "  raeson:", ":13:3", `no key "raeson"`},
		"no reason":       {"known since the move   #", "'' #", ":13:3: accepted[0].reason", "is missing"},
		"no id":           {"RF103-0000000001", "cus_1", ":4:3: accepted[0].finding", "is not the id"},
		"code":            {"  code: RF103", "  code: RF101", ":5:3: accepted[0].code", `"RF101" is not the code of`},
		"object":          {"id: cus_1", "id: ''", ":6:3: accepted[0].object", "missing"},
		"severity":        {"severity: warning", "severity: loud", ":9:3: accepted[0].severity", `"loud"`},
		"day":             {"at: 2026-01-01", "at: yesterday", ":15:3: accepted[0].at", "is not a day"},
		"until":           {"until: 2026-01-31", "until: 2026-02-31", ":16:3: accepted[0].until", "neither a day nor never"},
		"twice":           {"RF103-0000000002", "RF103-0000000001", ":19:3: accepted[1].finding", "twice, first on line 4"},
		"wrong type":      {"livemode: true", "livemode: perhaps", ":8:", ""},
		"no YAML":         {"accepted:\n", "accepted: [\n", ":", ""},
		"second document": {"# Our own words.\n", "accepted: []\n---\n", ":3:9", "second YAML document"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := accept.Read(inFile(t, strings.Replace(byHand, tt.from, tt.to, 1)))
			own, ok := errors.AsType[*rightful.Error](err)
			if !ok || own.Kind != rightful.KindInvalid || !strings.Contains(own.Place, tt.place) || !strings.Contains(own.Message, tt.says) || own.Hint == "" {
				t.Errorf("got %v, want ...%s... ...%s...", err, tt.place, tt.says)
			}
		})
	}
	if f, err := accept.Read(filepath.Join(t.TempDir(), "none.yaml")); err != nil || f.Exists() || f.List != nil {
		t.Errorf("no file: %+v, %v", f, err)
	}
}
