package send

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"rightful"
)

// slack sends to an incoming webhook of Slack. Its address is a secret.
type slack struct {
	url    string
	client *http.Client
}

// NewSlack returns a sender to the address of a Slack incoming webhook.
func NewSlack(url string) Sender { return slack{url, client()} }

// What Slack allows: characters of a header and of the text of a section, and blocks
// of a message.
const (
	slackHeader  = 150
	slackSection = 3000
	slackBlocks  = 50
)

type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"` // names of channels and users are left alone
}

type slackBlock struct {
	Type string    `json:"type"`
	Text slackText `json:"text"`
}

// Send implements Sender.
func (s slack) Send(ctx context.Context, m rightful.AlertMessage) (string, error) {
	t := words(m)
	message := struct {
		Text   string       `json:"text"` // for notifications, and where there are no blocks
		Blocks []slackBlock `json:"blocks"`
	}{Text: slackEscape(t.subject)}
	message.Blocks = append(message.Blocks, slackBlock{"header", slackText{Type: "plain_text", Text: short(t.subject, slackHeader)}})
	for _, p := range t.parts {
		for i, chunk := range chunks(p.lines, slackSection-200) {
			heading := "*" + slackEscape(p.heading) + "*"
			if i > 0 {
				heading += " (more)"
			}
			if len(message.Blocks) < slackBlocks-1 {
				// In a code block nothing is formatted, so ids stay as they are.
				message.Blocks = append(message.Blocks, section(heading+"\n```"+chunk+"```"))
			}
		}
	}
	message.Blocks = append(message.Blocks, section(slackEscape(t.foot)))
	body, err := json.Marshal(message)
	if err != nil {
		return "", &Error{Message: "the message cannot be written", Permanent: true}
	}
	return post(ctx, s.client, s.url, body, nil, time.Now())
}

func section(text string) slackBlock {
	return slackBlock{"section", slackText{Type: "mrkdwn", Text: text, Verbatim: true}}
}

// slackEscape makes text stand as it is: these three characters begin what Slack
// takes for a mention or a link.
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'").Replace(s)
}

// chunks joins escaped lines to texts of at most so many characters.
func chunks(lines []string, most int) []string {
	var all []string
	var b strings.Builder
	length := 0
	for _, l := range lines {
		l = slackEscape(short(l, most/6)) // escaping makes one character six at most
		n := len([]rune(l)) + 1
		if length > 0 && length+n > most {
			all = append(all, b.String())
			b.Reset()
			length = 0
		}
		if length > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l)
		length += n
	}
	if length > 0 {
		all = append(all, b.String())
	}
	return all
}
