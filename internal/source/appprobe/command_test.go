package appprobe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/appprobe"
	"rightful/internal/source/sourcetest"
)

// script returns a command that runs a shell script, whose $1 is the user's id.
func script(text string, args ...string) []string {
	return append([]string{"sh", "-c", text, "probe"}, args...)
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func TestConformanceCommand(t *testing.T) {
	t.Parallel()
	sourcetest.TestProbe(t, func(t *testing.T, users map[string]string, revision string) rightful.ProbeReader {
		var cases strings.Builder
		for user, company := range users {
			cases.WriteString(quoted(user) + ") echo " + quoted(company) + ";;\n")
		}
		return open(t, appprobe.Options{
			Command:         script("case $1 in\n"+cases.String()+"*) exit 3;; esac", "{user_id}"),
			RevisionCommand: script("echo " + quoted(revision)),
		})
	})
}

func TestCommandAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script, json string
		want, failed string // failed: a part of it
	}{
		"plain":          {"echo '  17 '", "", "17", ""},
		"nothing":        {"echo", "", "", ""},
		"JSON":           {`echo '{"company":{"id":17}}'`, "company.id", "17", ""},
		"null":           {`echo '{"company":{"id":null}}'`, "company.id", "", ""},
		"no JSON":        {"echo 17 s3cret", "company.id", "", "not JSON"},
		"several lines":  {"echo 'DEPRECATION s3cret'; echo 17", "", "", "no single line"},
		"stderr beside":  {"echo warning >&2; echo 17", "", "17", ""},
		"fails":          {"echo 17; echo 'no such user' >&2; echo more >&2; exit 3", "", "", "the command fails (exit status 3): no such user"},
		"fails silently": {"exit 1", "", "", "the command fails (exit status 1)"},
		"killed":         {"kill -TERM $$", "", "", "the command fails (signal: terminated)"},
		"too large":      {"while echo 0123456789012345678901234567890123456789; do :; done", "", "", "larger than 1 MiB"},
		"no input":       {"cat; echo 17", "", "17", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := open(t, appprobe.Options{Command: script(tt.script, "{user_id}"), JSONPath: tt.json}).Company(t.Context(), "7")
			if err != nil {
				t.Fatal(err)
			}
			if got.CompanyID != tt.want || (got.Failed == "") != (tt.failed == "") || !strings.Contains(got.Failed, tt.failed) || strings.Contains(got.Failed, "more") {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(got.Failed, "s3cret") {
				t.Errorf("the answer repeats the output: %+v", got)
			}
		})
	}
}

// TestCommandGetsTheIDAsItIs: an id is one argument, whatever it looks like.
func TestCommandGetsTheIDAsItIs(t *testing.T) {
	t.Parallel()
	r := open(t, appprobe.Options{Command: script(`test $# = 3 && test "$1$3" = ab && printf '=%s=' "$2"`, "a", "{user_id}", "b")})
	for _, id := range []string{"7", "a b", "$(id)", "`id`", "'; id #", `"`, "*", "é\n", "{user_id}"} {
		want := "=" + id + "="
		got, err := r.Company(t.Context(), id)
		if strings.Contains(id, "\n") {
			want = "" // the id arrived, but no answer has two lines
		}
		if err != nil || got.CompanyID != want {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
	}
}

func TestUserIDThatNoCommandTakes(t *testing.T) {
	t.Parallel()
	ran := filepath.Join(t.TempDir(), "ran")
	r := open(t, appprobe.Options{Command: script("touch "+quoted(ran), "{user_id}")})
	for _, id := range []string{"", "-e", "--help", "a\x00b", "\xff", strings.Repeat("x", 513)} {
		if got, err := r.Company(t.Context(), id); err != nil || got.Failed == "" {
			t.Errorf("%.20q: got %+v, %v", id, got, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command ran")
	}
}

func TestRevisionCommand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script, json, want string
		kind               rightful.ErrorKind
	}{
		"plain":     {"echo 4f2a9c1", "", "4f2a9c1", ""},
		"JSON":      {`echo '{"sha":"4f2a9c1"}'`, "sha", "4f2a9c1", ""},
		"none":      {"true", "", "", ""},
		"fails":     {"exit 1", "", "", rightful.KindUnavailable},
		"not found": {`echo '{}'`, "sha", "", rightful.KindUnavailable},
	} {
		r := open(t, appprobe.Options{Command: script("true", "{user_id}"), RevisionCommand: script(tt.script), RevisionJSON: tt.json})
		got, err := r.Revision(t.Context())
		if got != tt.want || rightful.KindOf(err) != tt.kind || (err == nil) != (tt.kind == "") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "resolver_probe.revision_command: ") {
			t.Errorf("%s: %v does not say where", name, err)
		}
	}
}

func TestCommandTooSlow(t *testing.T) {
	t.Parallel()
	r := open(t, appprobe.Options{Command: script("read never </dev/zero", "{user_id}"), Timeout: time.Millisecond})
	_, err := r.Company(t.Context(), "7")
	if rightful.KindOf(err) != rightful.KindUnreachable || !strings.Contains(err.Error(), "does not end within 1ms") {
		t.Errorf("got %v", err)
	}
}

// TestCommandThatCannotStart: the program was there when the probe was opened.
func TestCommandThatCannotStart(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/no/such/interpreter\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, appprobe.Options{Command: []string{program, "{user_id}"}}).Company(t.Context(), "7")
	if rightful.KindOf(err) != rightful.KindUnreachable || !strings.HasPrefix(err.Error(), "resolver_probe.command: ") {
		t.Errorf("got %v", err)
	}
}

// TestSecretsOfTheEnvironment: a program that complains may repeat what it was
// given, and a terminal may obey what it repeats.
func TestSecretsOfTheEnvironment(t *testing.T) {
	t.Setenv("APP_DATABASE_URL", "postgres://app:p%40ss-of-db@db.example.com/app")
	t.Setenv("APP_PASSWORD", "hunter2")
	t.Setenv("APP_SETTING", "quite-a-long-value")
	t.Setenv("APP_SIGNING", "-----BEGIN KEY-----\nline-of-a-key\n-----END KEY-----")
	for complaint, want := range map[string]string{
		"cannot connect to postgres://app:p%40ss-of-db@db.example.com/app": "cannot connect to ***",
		"user app, password p@ss-of-db":                                    "user app, password ***",
		"user app, password p%40ss-of-db":                                  "user app, password ***",
		"hunter2 is refused":                                               "*** is refused",
		"quite-a-long-value is odd":                                        "*** is odd",
		"bad line-of-a-key":                                                "bad ***",
		"redis://:other@cache.example.com is away":                         "redis://***@cache.example.com is away",
		"key sk_live_1234567890 is revoked":                                "key *** is revoked",
		"Authorization: Bearer abc.def":                                    "Authorization: ***",
		"\\0033[31mno such user\\0033[0m\\a":                               "[31mno such user[0m",
		"\\n\\n  second line first\\nthird":                                "second line first",
		strings.Repeat("x", 300):                                           strings.Repeat("x", 200) + "...",
	} {
		probe := open(t, appprobe.Options{Command: script(`printf %b "$2" >&2; exit 1`, "{user_id}", complaint)})
		got, err := probe.Company(t.Context(), "7")
		if want := "the command fails (exit status 1): " + want; err != nil || got.Failed != want {
			t.Errorf("%.40q: got %q, %v; want %q", complaint, got.Failed, err, want)
		}
	}
}

func TestCommandsThatAreRefused(t *testing.T) {
	t.Parallel()
	good, user := script("true", "{user_id}"), "{user_id}"
	notRunnable := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notRunnable, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		setting string
		o       appprobe.Options
	}{
		"beside a URL":          {"command: stands beside", appprobe.Options{URL: "https://app.example.com/{user_id}", Command: good}},
		"no user":               {"command: no argument", appprobe.Options{Command: script("true")}},
		"inside code":           {"command: {user_id} must be", appprobe.Options{Command: []string{"sh", "-c", "echo {user_id}", user}}},
		"as the program":        {"command: {user_id} must be", appprobe.Options{Command: []string{user, user}}},
		"no such program":       {"command: there is no program", appprobe.Options{Command: []string{"no-such-program-anywhere", user}}},
		"not to be run":         {"command: there is no program", appprobe.Options{Command: []string{notRunnable, user}}},
		"empty program":         {"command: there is no program", appprobe.Options{Command: []string{"", user}}},
		"zero byte":             {"command: an argument", appprobe.Options{Command: []string{"sh", "\x00", user}}},
		"revision of a user":    {"revision_command: the revision", appprobe.Options{Command: good, RevisionCommand: good}},
		"two ways to a revison": {"revision_command: stands beside", appprobe.Options{Command: good, RevisionURL: "https://app.example.com", RevisionCommand: script("true")}},
		"backwards":             {"timeout", appprobe.Options{Command: good, Timeout: -1}},
		"nobody at a time":      {"concurrency", appprobe.Options{Command: good, Concurrency: -1}},
		"all at once":           {"concurrency", appprobe.Options{Command: good, Concurrency: 65}},
	} {
		_, err := appprobe.New(tt.o)
		if rightful.KindOf(err) != rightful.KindInvalid || !strings.HasPrefix(err.Error(), "resolver_probe."+tt.setting) {
			t.Errorf("%s: got %v, want an error at %s", name, err, tt.setting)
		}
	}
}
