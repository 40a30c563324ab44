package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"rightful"
)

// ask asks on a terminal whether so many writes are to be made. Where nobody can
// be asked, that is refused, with what to do instead.
func (t *target) ask(ctx context.Context, s Streams, yes bool, writes int, instead string) (bool, error) {
	question := "write this?"
	if writes > 1 {
		question = fmt.Sprintf("write these %d?", writes)
	}
	return agreed(ctx, s, t.format, yes, question, instead)
}

// agreed asks a question on a terminal. It goes to the error stream, so that the rest
// may go elsewhere.
func agreed(ctx context.Context, s Streams, format string, yes bool, question, instead string) (bool, error) {
	if yes {
		return true, nil
	}
	if !s.InIsTerm || format != "human" {
		return false, &rightful.Error{Kind: rightful.KindRefused, Message: "there is nobody to ask, and nothing was written", Hint: instead}
	}
	fmt.Fprint(s.Err, "\n"+question+" [y/N] ")
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
