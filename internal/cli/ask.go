package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"rightful"
)

// ask asks on a terminal whether so many writes are to be made. Where nobody can
// be asked, that is refused, with what to do instead. The question goes to the
// error stream, so that the plan may go elsewhere.
func (t *target) ask(ctx context.Context, s Streams, yes bool, writes int, instead string) (bool, error) {
	if yes {
		return true, nil
	}
	if !s.InIsTerm || t.format != "human" {
		return false, &rightful.Error{Kind: rightful.KindRefused, Message: "there is nobody to ask, and nothing was written", Hint: instead}
	}
	question := "write this? [y/N] "
	if writes > 1 {
		question = fmt.Sprintf("write these %d? [y/N] ", writes)
	}
	fmt.Fprint(s.Err, "\n"+question)
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answered:
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return false, nil
	}
}
