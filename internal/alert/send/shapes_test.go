package send_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/alert/send"
)

// The shape of a message to a Slack incoming webhook, of those blocks that we send:
// docs.slack.dev/reference/block-kit/blocks.
type slackMessage struct {
	Text   string `json:"text"`
	Blocks []struct {
		Type string `json:"type"`
		Text struct {
			Type     string `json:"type"`
			Text     string `json:"text"`
			Verbatim bool   `json:"verbatim"`
		} `json:"text"`
	} `json:"blocks"`
}

func TestSlack(t *testing.T) {
	t.Parallel()
	s := listen(t, ok)
	for name, m := range map[string]rightful.AlertMessage{"news": news(), "full": full(), "test": send.TestMessage("billing", "msg_t", at())} {
		s.bodies = nil
		if _, err := send.NewSlack(s.URL+pathSecret).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		var got slackMessage
		decode(t, s.bodies[0], &got)
		if got.Text == "" || len(got.Blocks) < 3 || len(got.Blocks) > 50 || s.paths[0] != pathSecret {
			t.Errorf("%s: got %+v at %s", name, got, s.paths[0])
		}
		for i, b := range got.Blocks {
			n := utf8.RuneCountInString(b.Text.Text)
			switch {
			case n == 0:
				t.Errorf("%s: block %d is empty", name, i)
			case b.Type == "header" && (b.Text.Type != "plain_text" || n > 150 || b.Text.Verbatim):
				t.Errorf("%s: header %+v", name, b)
			case b.Type == "section" && (b.Text.Type != "mrkdwn" || n > 3000 || !b.Text.Verbatim):
				t.Errorf("%s: section of %d, %s", name, n, b.Text.Type)
			case b.Type != "header" && b.Type != "section":
				t.Errorf("%s: %s", name, b.Type)
			}
			if strings.Contains(b.Text.Text, "<") || strings.Count(b.Text.Text, "`")%6 != 0 {
				t.Errorf("%s: somebody broke out: %s", name, b.Text.Text)
			}
		}
		if name == "news" {
			all := got.Blocks[1].Text.Text
			for _, want := range []string{"*new: 12*", "12 x RF101 (error): stamp names", "1 of these 12:", "customer cus_1, company 4, rightful company &lt;!channel&gt; &amp; ", "since 2025-10-09 08:52:20 UTC"} {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not in %s", want, all)
				}
			}
			if strings.Contains(all, "all@example.com") {
				t.Error("it holds an email")
			}
			if !strings.Contains(got.Blocks[2].Text.Text, "resolved: 1") || !strings.Contains(got.Blocks[2].Text.Text, "until 2025-10-09 08:53:20 UTC") {
				t.Errorf("got %s", got.Blocks[2].Text.Text)
			}
		}
	}
}

// The envelope that Teams takes, and those elements of Adaptive Cards that we send:
// learn.microsoft.com, "Create incoming webhooks with Workflows"; adaptivecards.io.
type teamsMessage struct {
	Type        string `json:"type"`
	Attachments []struct {
		ContentType string  `json:"contentType"`
		ContentURL  *string `json:"contentUrl"`
		Content     struct {
			Schema  string            `json:"$schema"`
			Type    string            `json:"type"`
			Version string            `json:"version"`
			MSTeams map[string]string `json:"msteams"`
			Body    []struct {
				Type      string `json:"type"`
				Separator bool   `json:"separator"`
				Spacing   string `json:"spacing"`
				Inlines   []struct {
					Type     string `json:"type"`
					Text     string `json:"text"`
					Weight   string `json:"weight"`
					Size     string `json:"size"`
					FontType string `json:"fontType"`
				} `json:"inlines"`
			} `json:"body"`
		} `json:"content"`
	} `json:"attachments"`
}

func TestTeams(t *testing.T) {
	t.Parallel()
	s := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	for name, m := range map[string]rightful.AlertMessage{"news": news(), "full": full()} {
		s.bodies = nil
		answer, err := send.NewTeams(s.URL+pathSecret).Send(t.Context(), m)
		if err != nil || answer != "202" {
			t.Fatal(answer, err)
		}
		if n := len(s.bodies[0]); n > 28*1024 {
			t.Errorf("%s: %d bytes", name, n)
		}
		var got teamsMessage
		decode(t, s.bodies[0], &got)
		if got.Type != "message" || len(got.Attachments) != 1 || got.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || got.Attachments[0].ContentURL != nil {
			t.Fatalf("%s: got %+v", name, got)
		}
		card := got.Attachments[0].Content
		if card.Type != "AdaptiveCard" || card.Version != "1.4" || card.Schema != "http://adaptivecards.io/schemas/adaptive-card.json" {
			t.Errorf("%s: got %+v", name, card)
		}
		var texts []string
		for _, b := range card.Body {
			// Nothing but runs: in a TextBlock, ids would be read as Markdown.
			if b.Type != "RichTextBlock" || len(b.Inlines) != 1 || b.Inlines[0].Type != "TextRun" || b.Inlines[0].Text == "" {
				t.Errorf("%s: got %+v", name, b)
			}
			texts = append(texts, b.Inlines[0].Text)
		}
		if name == "news" && (texts[0] != "rightful: 12 new, 1 resolved: stamp names a company that does not exist" || texts[1] != "new: 12" || !strings.HasPrefix(texts[4], "- RF101, customer cus_1")) {
			t.Errorf("got %q", texts)
		}
	}
}

// The parameters of an alert event of PagerDuty's Events API v2, as its reference
// names them.
type pagerEvent struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	Payload    *struct {
		Summary   string         `json:"summary"`
		Source    string         `json:"source"`
		Severity  string         `json:"severity"`
		Timestamp string         `json:"timestamp"`
		Details   map[string]any `json:"custom_details"`
	} `json:"payload"`
}

func TestPagerDuty(t *testing.T) {
	t.Parallel()
	s := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	sent := func(m rightful.AlertMessage) []pagerEvent {
		t.Helper()
		s.bodies, s.paths = nil, nil
		if _, err := send.NewPagerDuty(s.URL+"/", routingKey).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		events := make([]pagerEvent, len(s.bodies))
		for i, raw := range s.bodies {
			decode(t, raw, &events[i])
			e := events[i]
			if s.paths[i] != "/v2/enqueue" || e.RoutingKey != routingKey || e.DedupKey == "" || len(e.DedupKey) > 255 || len(raw) > 512<<10 {
				t.Errorf("got %+v at %s", e, s.paths[i])
			}
			if (e.Action == "trigger") != (e.Payload != nil) || e.Action != "trigger" && e.Action != "resolve" {
				t.Errorf("got %+v", e)
			}
			if p := e.Payload; p != nil {
				_, err := time.Parse(time.RFC3339, p.Timestamp)
				if err != nil || p.Summary == "" || utf8.RuneCountInString(p.Summary) > 1024 || p.Source == "" || !slices.Contains([]string{"critical", "error", "warning", "info"}, p.Severity) {
					t.Errorf("got %+v, %v", p, err)
				}
			}
		}
		return events
	}
	got := sent(news())
	if len(got) != 2 || got[0].DedupKey != "rightful-msg_1" || got[1].Action != "resolve" || got[1].DedupKey != "rightful-msg_0" {
		t.Fatalf("got %+v", got)
	}
	if p := got[0].Payload; p.Summary != "rightful: stamp names a company that does not exist (and 11 other alerts)" || p.Severity != "error" || p.Details["new: 12"] == nil {
		t.Errorf("got %+v", p)
	}
	sent(full())
	// What tries the channel leaves nothing open.
	if got := sent(send.TestMessage("oncall", "msg_t", at())); len(got) != 2 || got[0].Payload.Severity != "info" || !strings.HasPrefix(got[0].Payload.Summary, "[test]") || got[1].Action != "resolve" || got[1].DedupKey != got[0].DedupKey {
		t.Errorf("got %+v", got)
	}
	// Alerts of a group of which others are still open end nothing.
	m := news()
	m.Incidents, m.Ended = nil, nil
	if got := sent(m); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	s := listen(t, ok)
	hook, err := send.NewWebhook(s.URL, hookSecret, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hook.Send(t.Context(), news()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type      string                `json:"type"`
		Timestamp string                `json:"timestamp"`
		Data      rightful.AlertMessage `json:"data"`
	}
	decode(t, s.bodies[0], &got)
	if got.Type != "rightful.alerts" || got.Timestamp != "2025-10-09T08:53:20Z" {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(news(), got.Data); diff != "" {
		t.Error(diff)
	}
	// As a receiver checks it, with nothing of ours.
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hookSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h := s.header[0]
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(s.bodies[0])))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); h.Get("webhook-signature") != want || h.Get("webhook-id") != "msg_1" || h.Get("webhook-timestamp") != "1760000000" {
		t.Errorf("got %v, want %s", h, want)
	}
	if strings.Contains(string(s.bodies[0]), "null") {
		t.Errorf("a list is null: %s", s.bodies[0])
	}
}

// TestSignature holds the known answer of the Standard Webhooks libraries.
func TestSignature(t *testing.T) {
	t.Parallel()
	key, err := send.SecretBytes(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	if got := send.Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"", "whsec_", strings.TrimPrefix(hookSecret, "whsec_"), "whsec_c2hvcnQ=", "whsec_" + strings.Repeat("QUJD", 30), "whsec_!"} {
		if _, err := send.SecretBytes(bad); err == nil || bad != "" && strings.Contains(err.Error(), strings.TrimPrefix(bad, "whsec_")) && len(bad) > 8 {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
