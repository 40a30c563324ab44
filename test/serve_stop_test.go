package test

import (
	"strings"
	"testing"
)

// TestTwoServersOnOneFile: the second says that there is another, works beside it, and
// says nothing when it is alone.
func TestTwoServersOnOneFile(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	const said = "another process serves on this state too"
	s.serve(t)
	first := s.process
	t.Cleanup(func() { _ = first.Process.Kill() })
	firstLog, firstEnd := s.log, s.exited
	s.serve(t)
	s.must200(t, "GET", "/readyz", "", "")
	s.buys(t, 7)
	if code := s.stop(t); code != 0 || strings.Count(s.log.String(), said) != 1 {
		t.Errorf("exit code %d, the second says %s", code, s.log)
	}
	// It is gone however it ends, and leaves nothing that looks as if it were there.
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-firstEnd
	if strings.Contains(firstLog.String(), said) {
		t.Errorf("the first says %s", firstLog)
	}
	s.serve(t)
	if code := s.stop(t); code != 0 || strings.Contains(s.log.String(), said) {
		t.Errorf("exit code %d, the one that is alone says %s", code, s.log)
	}
}

// TestStoppedWhileItStarts: a deploy that is called off stops what has hardly begun.
func TestStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	for range 10 {
		s.serve(t)
		if code := s.stop(t); code != 0 || !strings.Contains(s.log.String(), `"everything_finished":true`) {
			t.Fatalf("exit code %d: %s", code, s.log)
		}
	}
}
