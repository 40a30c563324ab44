// Command rightful keeps every payment with its rightful company.
package main

import (
	"os"

	"rightful/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.System()))
}
