package skim

import (
	"os"
	"runtime/debug"
)

// ballast is memory that is never touched, and so is none. To the garbage collector it is
// part of the heap.
var ballast []byte

// Frugal lets a process that does nothing else but read past the screen collect its garbage
// when that is a quarter of what it holds, and 16 MiB. The tables of the screen are big
// and have nothing in them that a collector would look at, so that collecting is cheap; by
// Go's default there would be as much garbage as tables. Where GOGC says something,
// nothing is changed.
func Frugal() {
	if os.Getenv("GOGC") == "" && ballast == nil {
		ballast = make([]byte, 64<<20)
		debug.SetGCPercent(25)
	}
}
