package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"rightful"
)

// Mailer says how emails are sent.
type Mailer struct {
	// Server is smtps://user:password@host:465, encrypted from the beginning, or
	// smtp://user:password@host:587, encrypted by STARTTLS: a server on another
	// machine that does not offer it is refused.
	Server     string
	From       string
	Recipients []string
	Now        func() time.Time

	tls *tls.Config // for tests
}

type mailer struct {
	host, port     string
	implicit       bool
	user, password string
	from           *mail.Address
	to             []*mail.Address
	now            func() time.Time
	tls            *tls.Config
}

// NewEmail returns a sender of plain text emails. Errors do not repeat the address of
// the server.
func NewEmail(o Mailer) (Sender, error) {
	invalid := func(place, message, hint string) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message, Hint: hint}
	}
	u, err := url.Parse(o.Server)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, invalid("smtp", "is no address of a mail server",
			"write smtps://user:password@mail.example.com:465 or smtp://user:password@mail.example.com:587, with special characters of the password as %XX")
	}
	m := mailer{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps", now: o.Now, tls: o.tls}
	if m.port == "" {
		m.port = map[bool]string{true: "465", false: "587"}[m.implicit]
	}
	if u.User != nil {
		m.user = u.User.Username()
		m.password, _ = u.User.Password()
	}
	if m.from, err = mail.ParseAddress(o.From); err != nil {
		return nil, invalid("from", fmt.Sprintf("%q is no email address", Clean(o.From)), "write from: rightful@example.com")
	}
	if len(o.Recipients) == 0 {
		return nil, invalid("recipients", "is missing", "recipients: [ops@example.com]")
	}
	for i, r := range o.Recipients {
		to, err := mail.ParseAddress(r)
		if err != nil {
			return nil, invalid(fmt.Sprintf("recipients[%d]", i), "is no email address", "recipients: [ops@example.com]")
		}
		m.to = append(m.to, to)
	}
	if m.now == nil {
		m.now = time.Now
	}
	return m, nil
}

// Send implements Sender.
func (m mailer) Send(ctx context.Context, message rightful.AlertMessage) (string, error) {
	deadline := time.Now().Add(Within)
	if d, has := ctx.Deadline(); has && d.Before(deadline) {
		deadline = d
	}
	raw, err := m.write(message)
	if err != nil {
		return "", &Error{Message: "the message cannot be written", Permanent: true}
	}
	config := &tls.Config{}
	if m.tls != nil {
		config = m.tls.Clone()
	}
	config.ServerName = m.host
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "tcp", net.JoinHostPort(m.host, m.port))
	if err != nil {
		return "", &Error{Message: unreached(err)}
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", &Error{Message: unreached(err)}
	}
	if m.implicit {
		conn = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return "", m.failed("hello", err)
	}
	defer c.Close()
	if err := m.talk(c, config, raw); err != nil {
		return "", err
	}
	_ = c.Quit() // it has the message
	return "the mail server took it for " + plural(len(m.to), "recipient", "recipients"), nil
}

// talk hands one message over.
func (m mailer) talk(c *smtp.Client, config *tls.Config, raw []byte) error {
	if !m.implicit {
		switch offered, _ := c.Extension("STARTTLS"); {
		case offered:
			if err := c.StartTLS(config); err != nil {
				return m.failed("STARTTLS", err)
			}
		case !Loopback(m.host):
			return &Error{Message: "the mail server offers no STARTTLS, and nothing is sent unencrypted to another machine", Permanent: true}
		}
	}
	if m.user != "" {
		if err := c.Auth(smtp.PlainAuth("", m.user, m.password, m.host)); err != nil {
			return m.failed("login", err)
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return m.failed("sender", err)
	}
	for _, to := range m.to {
		if err := c.Rcpt(to.Address); err != nil {
			return m.failed("recipient", err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return m.failed("data", err)
	}
	if _, err = w.Write(raw); err == nil {
		err = w.Close()
	}
	if err != nil {
		return m.failed("data", err)
	}
	return nil
}

// failed says at which step a mail server refused. A code of 5xx is final.
func (m mailer) failed(step string, err error) error {
	if e, is := err.(*textproto.Error); is {
		return &Error{Message: fmt.Sprintf("the mail server refused at %s: %d %s", step, e.Code, said(e.Msg, m.password)), Permanent: e.Code >= 500}
	}
	return &Error{Message: "the mail server broke off at " + step + ": " + said(err.Error(), m.password)}
}

// write writes a message. Headers cannot be broken out of: addresses are written by
// net/mail, and the subject, which is one line, as encoded words where it needs it.
func (m mailer) write(message rightful.AlertMessage) ([]byte, error) {
	t := words(message)
	var to []string
	for _, a := range m.to {
		to = append(to, a.String())
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", m.from.String()},
		{"To", strings.Join(to, ",\r\n ")},
		{"Subject", mime.QEncoding.Encode("utf-8", Clean(t.subject))},
		{"Date", m.now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + message.ID + "@" + domain + ">"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
		{"Auto-Submitted", "auto-generated"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(t.whole(), "\n", "\r\n"))); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
