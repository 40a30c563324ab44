package wire

import (
	"os"
	"strconv"
	"strings"
)

// thisProcess names this process so that another one on the same machine can tell
// whether it still runs: the boot and the namespace in which its number counts, its
// number, and when it began, because numbers are used again. Empty when the system
// does not tell.
func thisProcess() string {
	where := machine()
	began, _ := beganAt(os.Getpid())
	if where == "" || began == "" {
		return ""
	}
	return where + " " + strconv.Itoa(os.Getpid()) + " " + began
}

// machine names what process numbers count in.
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + namespace
}

// beganAt returns when a process began, in ticks since the boot. alive is false for
// one that is gone, or that has ended and waits for its parent to notice.
func beganAt(pid int) (began string, alive bool) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", !os.IsNotExist(err)
	}
	// The name of the program, in brackets, may hold anything.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	const state, start = 0, 19 // proc(5) counts them 3 and 22
	if len(fields) <= start {
		return "", true
	}
	return fields[start], fields[state] != "Z" && fields[state] != "X"
}

// dead reports whether the process that named itself so surely does not run any
// more. Of another machine, boot or namespace nobody can tell.
func dead(process string) bool {
	fields := strings.Fields(process)
	if len(fields) != 4 || fields[0]+" "+fields[1] != machine() {
		return false
	}
	pid, err := strconv.Atoi(fields[2])
	if err != nil {
		return false
	}
	began, alive := beganAt(pid)
	return !alive || began != "" && began != fields[3]
}
