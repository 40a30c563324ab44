package wire

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestDead: only a process that surely does not run any more is dead.
func TestDead(t *testing.T) {
	t.Parallel()
	self := thisProcess()
	if self == "" || dead(self) {
		t.Fatalf("this process, %q, is dead", self)
	}
	fields := strings.Fields(self)
	as := func(i int, value string) string {
		other := append([]string{}, fields...)
		other[i] = value
		return strings.Join(other, " ")
	}
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	began, alive := beganAt(child.Process.Pid)
	named := fields[0] + " " + fields[1] + " " + strconv.Itoa(child.Process.Pid) + " " + began
	if !alive || dead(named) {
		t.Errorf("the child, %q, is dead already", named)
	}
	for _, other := range []string{as(0, "another-boot"), as(1, "pid:[1]"), "", "nonsense", as(2, "x")} {
		if dead(other) {
			t.Errorf("%q is called dead, and nobody can tell", other)
		}
	}
	if !dead(as(3, "1")) {
		t.Error("another process has its number, and it is not called dead")
	}
	if err := child.Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	for !dead(named) { // it is a zombie soon: nobody has waited for it
	}
	_ = child.Wait() // it was killed
	if !dead(named) {
		t.Error("a child that is gone is not called dead")
	}
}
