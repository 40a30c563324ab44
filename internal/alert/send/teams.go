package send

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"rightful"
)

// teams sends to a workflow of Microsoft Teams that is started by a webhook request.
// Its address is a secret.
type teams struct {
	url    string
	client *http.Client
}

// NewTeams returns a sender to the address of a Teams workflow, which posts the
// Adaptive Card that it is sent.
func NewTeams(url string) Sender { return teams{url, client()} }

type cardRun struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Weight   string `json:"weight,omitempty"`
	Size     string `json:"size,omitempty"`
	FontType string `json:"fontType,omitempty"`
}

type cardBlock struct {
	Type      string    `json:"type"`
	Inlines   []cardRun `json:"inlines"`
	Separator bool      `json:"separator,omitempty"`
	Spacing   string    `json:"spacing,omitempty"`
}

type card struct {
	Schema  string            `json:"$schema"`
	Type    string            `json:"type"`
	Version string            `json:"version"`
	Body    []cardBlock       `json:"body"`
	MSTeams map[string]string `json:"msteams"`
}

type cardAttachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

// teamsBody bounds the lines of a message: Teams takes 28 KB in all.
const teamsBody = 16 << 10

// Send implements Sender. Text stands in runs of rich text blocks, in which nothing
// is formatted.
func (s teams) Send(ctx context.Context, m rightful.AlertMessage) (string, error) {
	t := words(m)
	run := func(text string) cardRun { return cardRun{Type: "TextRun", Text: text} }
	block := func(r cardRun) cardBlock { return cardBlock{Type: "RichTextBlock", Inlines: []cardRun{r}} }
	title := run(t.subject)
	title.Weight, title.Size = "Bolder", "Medium"
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		Body: []cardBlock{block(title)}, MSTeams: map[string]string{"width": "Full"},
	}
	length := 0
	for _, p := range t.parts {
		heading := run(p.heading)
		heading.Weight = "Bolder"
		b := block(heading)
		b.Separator = true
		c.Body = append(c.Body, b)
		for _, l := range p.lines {
			if length += len(strconv.QuoteToASCII(l)) + 120; length > teamsBody {
				c.Body = append(c.Body, block(run("and more, which has no room here")))
				break
			}
			line := run(l)
			line.FontType = "Monospace"
			b := block(line)
			b.Spacing = "None"
			c.Body = append(c.Body, b)
		}
	}
	c.Body = append(c.Body, block(run(t.foot)))
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // which would make six characters of one
	err := e.Encode(map[string]any{
		"type": "message", "attachments": []cardAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}},
	})
	if err != nil {
		return "", &Error{Message: "the message cannot be written", Permanent: true}
	}
	return post(ctx, s.client, s.url, body.Bytes(), nil, time.Now())
}
