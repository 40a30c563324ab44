package appprobe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"rightful"
	"rightful/internal/source/appprobe"
)

// held is an app that answers when it is told to.
type held struct {
	open    atomic.Int32
	answers chan string
}

func (h *held) RoundTrip(r *http.Request) (*http.Response, error) {
	h.open.Add(1)
	defer h.open.Add(-1)
	select {
	case text := <-h.answers:
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// TestConcurrencyIsBounded: whoever asks, and for whatever, the app is asked
// only so many questions at once, and waiting does not use up the time.
func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	for configured, want := range map[int]int32{0: 4, 1: 1, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			app := &held{answers: make(chan string)}
			r := open(t, appprobe.Options{
				URL: "http://app.example.com/{user_id}", RevisionURL: "http://app.example.com/", Concurrency: configured,
				HTTPClient: &http.Client{Transport: app},
			})
			const callers = 10
			var answered atomic.Int32
			for i := range callers {
				go func() {
					var got string
					var err error
					if i == 0 {
						got, err = r.Revision(t.Context())
					} else {
						var answer rightful.ProbeAnswer
						answer, err = r.Company(t.Context(), "7")
						got = answer.CompanyID
					}
					if got != "11" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					answered.Add(1)
				}()
			}
			for left := range callers {
				synctest.Wait()
				if open := app.open.Load(); open != min(want, int32(callers-left)) {
					t.Fatalf("concurrency %d: %d questions are open after %d answers", configured, open, left)
				}
				app.answers <- "11"
			}
			synctest.Wait()
			if answered.Load() != callers {
				t.Errorf("%d of %d callers have an answer", answered.Load(), callers)
			}
		})
	}
}

func TestGivingUpTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := &held{answers: make(chan string)}
		r := open(t, appprobe.Options{URL: "http://app.example.com/{user_id}", Concurrency: 1, HTTPClient: &http.Client{Transport: app}})
		go func() {
			if _, err := r.Company(t.Context(), "7"); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Company(ctx, "8"); !errors.Is(err, context.Canceled) || rightful.KindOf(err) != "" {
			t.Errorf("got %v", err)
		}
		app.answers <- "11"
		synctest.Wait()
	})
}

// TestSlowAppIsToldFromAnAbsentOne: what helps is not the same.
func TestSlowAppIsToldFromAnAbsentOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, appprobe.Options{URL: "http://app.example.com/{user_id}", HTTPClient: &http.Client{Transport: &held{}}})
		_, err := r.Company(t.Context(), "7")
		if rightful.KindOf(err) != rightful.KindUnreachable || !strings.Contains(err.Error(), "within 10s") || !strings.Contains(err.Error(), "resolver_probe.timeout") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNoneStatus(t *testing.T) {
	t.Parallel()
	status := func(status int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	for _, tt := range []struct {
		status int
		none   []int
		failed bool
	}{
		{404, nil, false}, {410, nil, true}, {204, nil, false},
		{410, []int{410}, false}, {404, []int{410}, true}, {204, []int{410}, false},
		{404, []int{}, true},
	} {
		got, err := open(t, appprobe.Options{URL: status(tt.status) + "/{user_id}", NoneStatus: tt.none}).Company(t.Context(), "7")
		if err != nil || got.CompanyID != "" || (got.Failed != "") != tt.failed {
			t.Errorf("%d where %v means none: got %+v, %v", tt.status, tt.none, got, err)
		}
	}
	// A revision is nobody's: a status that means none says that the URL is wrong.
	r := open(t, appprobe.Options{URL: status(410) + "/{user_id}", RevisionURL: status(410), NoneStatus: []int{410}})
	if _, err := r.Revision(t.Context()); rightful.KindOf(err) != rightful.KindUnavailable {
		t.Errorf("revision: got %v", err)
	}
	for _, bad := range []int{0, 200, 302, 401, 403, 407, 408, 429, 500, 503} {
		_, err := appprobe.New(appprobe.Options{URL: "https://app.example.com/{user_id}", NoneStatus: []int{404, bad}})
		if rightful.KindOf(err) != rightful.KindInvalid || !strings.HasPrefix(err.Error(), "resolver_probe.none_status") {
			t.Errorf("%d: got %v", bad, err)
		}
	}
}

func TestClearText(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]bool{
		"https://app.example.com": false, "http://app.example.com": true, "http://203.0.113.7:80": true, "http://[2001:db8::1]": true,
		"http://localhost:3000": false, "http://127.0.0.1": false, "http://[::1]:3000": false, "http://10.1.2.3": false, "http://[fd00::1]": false,
		"http://169.254.1.1": false, "http://app": false, "http://app.default.svc": false, "http://app.internal": false,
	} {
		r := open(t, appprobe.Options{URL: base + "/{user_id}", RevisionURL: "https://app.example.com"})
		if got := r.ClearText(); slices.Contains(got, "resolver_probe.url") != want || len(got) > 1 {
			t.Errorf("%s: got %v", base, got)
		}
	}
	r := open(t, appprobe.Options{URL: "https://app.example.com/{user_id}", RevisionURL: "http://app.example.com"})
	if got := r.ClearText(); !slices.Equal(got, []string{"resolver_probe.revision_url"}) {
		t.Errorf("got %v", got)
	}
}
