//go:build unix

package appprobe

import (
	"os/exec"
	"syscall"
)

// endTogether makes a program that is given up take its children along: a
// wrapper that dies alone would leave the app that it started running.
func endTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
