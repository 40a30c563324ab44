package send_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/alert/send"
)

// mailServer speaks as much SMTP as a sender of plain messages needs.
type mailServer struct {
	listener net.Listener
	tls      *tls.Config
	implicit bool
	starttls bool
	refuse   map[string]string // by verb: the answer
	got      chan letter
}

type letter struct {
	from  string
	to    []string
	login string
	raw   string
	tls   bool
}

// certificate is one that only the test trusts.
func certificate(t *testing.T) (server, trusting *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

func (s *mailServer) start(t *testing.T) string {
	t.Helper()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.got = make(chan letter, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			if s.implicit {
				conn = tls.Server(conn, s.tls)
			}
			s.serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { s.listener.Close(); <-done })
	return s.listener.Addr().String()
}

func (s *mailServer) serve(conn net.Conn) {
	l := letter{tls: s.implicit}
	r := bufio.NewReader(conn)
	say := func(line string) { io.WriteString(conn, line+"\r\n") }
	say("220 mail.example.com")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		if answer := s.refuse[verb]; answer != "" {
			if answer == "hang up" {
				return
			}
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			if s.starttls && !l.tls {
				say("250-mail.example.com\r\n250-STARTTLS\r\n250 8BITMIME")
			} else {
				say("250-mail.example.com\r\n250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, s.tls)
			r, l.tls = bufio.NewReader(conn), true
		case "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			l.login = strings.ReplaceAll(string(raw), "\x00", "|")
			say("235 come in")
		case "MAIL":
			l.from = rest
			say("250 ok")
		case "RCPT":
			l.to = append(l.to, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			var raw strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				raw.WriteString(strings.TrimPrefix(line, "."))
			}
			l.raw = raw.String()
			s.got <- l
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func mailer(t *testing.T, o send.Mailer) send.Sender {
	t.Helper()
	o.From, o.Now = "Rightful <rightful@example.com>", at
	o.Recipients = []string{"ops@example.com", "Zoë <zoe@example.com>"}
	m, err := send.NewEmail(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const password = "pSECRET:w/rd"

func TestEmail(t *testing.T) {
	t.Parallel()
	server, trusting := certificate(t)
	tests := map[string]struct {
		server   mailServer
		scheme   string
		login    string
		wantTLS  bool
		wantAuth string
	}{
		"encrypted from the beginning": {mailServer{tls: server, implicit: true}, "smtps", "bot:" + "pSECRET%3Aw%2Frd@", true, "|bot|" + password},
		"encrypted on request":         {mailServer{tls: server, starttls: true}, "smtp", "bot:" + "pSECRET%3Aw%2Frd@", true, "|bot|" + password},
		"on this machine":              {mailServer{}, "smtp", "", false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.server
			m := mailer(t, send.Mailer{Server: test.scheme + "://" + test.login + s.start(t)}.Trusting(trusting))
			answer, err := m.Send(t.Context(), news())
			if err != nil || answer != "the mail server took it for 2 recipients" {
				t.Fatal(answer, err)
			}
			l := <-s.got
			if l.tls != test.wantTLS || l.login != test.wantAuth || !strings.HasPrefix(l.from, "FROM:<rightful@example.com>") || len(l.to) != 2 || l.to[1] != "TO:<zoe@example.com>" {
				t.Errorf("got %+v", l)
			}
			read, err := mail.ReadMessage(strings.NewReader(l.raw))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
			if err != nil || subject != "rightful: 12 new, 1 resolved: stamp names a company that does not exist" {
				t.Errorf("subject %q, %v", subject, err)
			}
			to, err := read.Header.AddressList("To")
			if err != nil || len(to) != 2 || to[1].Name != "Zoë" {
				t.Errorf("to %v, %v", to, err)
			}
			for name, want := range map[string]string{
				"Message-ID": "<msg_1@example.com>", "Auto-Submitted": "auto-generated", "Content-Type": "text/plain; charset=utf-8", "Date": "Thu, 09 Oct 2025 08:53:20 +0000",
			} {
				if got := read.Header.Get(name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
			if err != nil || !strings.Contains(string(body), "new: 12\r\n  12 x RF101 (error): stamp names") || !strings.Contains(string(body), "Bela is stamped 4.") {
				t.Errorf("%v in %s", err, body)
			}
			for _, line := range strings.Split(strings.TrimSuffix(l.raw, "\r\n"), "\r\n") {
				if len(line) > 900 || strings.Contains(line, "\n") || strings.HasPrefix(line, "Bcc:") {
					t.Errorf("line %q", line)
				}
			}
		})
	}
}

// TestHeadersHold puts line breaks wherever something of others could stand.
func TestHeadersHold(t *testing.T) {
	t.Parallel()
	s := mailServer{}
	m := mailer(t, send.Mailer{Server: "smtp://" + s.start(t)})
	bad := news()
	bad.Channel = evil
	for i := range bad.Parts {
		bad.Parts[i].Counts = []rightful.AlertCount{{Label: evil, Title: evil + " über", Severity: rightful.Severity("x"), Count: 1}}
	}
	if _, err := m.Send(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	read, err := mail.ReadMessage(strings.NewReader((<-s.got).raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Header) != 9 || read.Header.Get("Bcc") != "" {
		t.Errorf("got %v", read.Header)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil || strings.Contains(string(body), "\r\nBcc") || strings.Contains(string(body), "all@example.com") {
		t.Errorf("%v in %s", err, body)
	}
}

func TestMailServersThatRefuse(t *testing.T) {
	t.Parallel()
	server, trusting := certificate(t)
	tests := map[string]struct {
		server    mailServer
		says      string
		permanent bool
	}{
		"wrong password":    {mailServer{starttls: true, refuse: map[string]string{"AUTH": "535 5.7.8 " + password + " is wrong"}}, "refused at login: 535 5.7.8 *** is wrong", true},
		"unknown recipient": {mailServer{starttls: true, refuse: map[string]string{"RCPT": "550 5.1.1 who is ops@example.com?"}}, "refused at recipient: 550 5.1.1 who is (email)", true},
		"come back later":   {mailServer{starttls: true, refuse: map[string]string{"MAIL": "451 greylisted"}}, "refused at sender: 451 greylisted", false},
		"hangs up":          {mailServer{starttls: true, refuse: map[string]string{"DATA": "hang up"}}, "broke off at data", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.server
			s.tls = server
			m := mailer(t, send.Mailer{Server: "smtp://bot:pSECRET%3Aw%2Frd@" + s.start(t)}.Trusting(trusting))
			_, err := m.Send(t.Context(), news())
			failed, is := err.(*send.Error)
			if !is || !strings.Contains(failed.Message, test.says) || failed.Permanent != test.permanent || strings.Contains(failed.Message, "SECRET") {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestMailServersThatAreNotTrusted(t *testing.T) {
	t.Parallel()
	server, _ := certificate(t)
	for _, s := range []mailServer{{tls: server, implicit: true}, {tls: server, starttls: true}} {
		scheme := map[bool]string{true: "smtps", false: "smtp"}[s.implicit]
		m := mailer(t, send.Mailer{Server: scheme + "://bot:pSECRET%3Aw%2Frd@" + s.start(t)})
		_, err := m.Send(t.Context(), news())
		if failed, is := err.(*send.Error); !is || !strings.Contains(failed.Message, "certificate") || strings.Contains(failed.Message, "SECRET") {
			t.Errorf("got %#v", err)
		}
	}
}

// TestASilentMailServer ends with the context, not with the connection.
func TestASilentMailServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m := mailer(t, send.Mailer{Server: "smtp://" + l.Addr().String()})
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			accepted <- conn
			cancel()
		}
	}()
	_, err = m.Send(ctx, news())
	if failed, is := err.(*send.Error); !is || failed.Permanent {
		t.Errorf("got %#v", err)
	}
	(<-accepted).Close()
}

// TestNothingLeavesUnencrypted names this machine in a way that is not known as such.
func TestNothingLeavesUnencrypted(t *testing.T) {
	t.Parallel()
	s := mailServer{}
	_, port, err := net.SplitHostPort(s.start(t))
	if err != nil {
		t.Fatal(err)
	}
	m := mailer(t, send.Mailer{Server: "smtp://0.0.0.0:" + port})
	_, err = m.Send(t.Context(), news())
	if failed, is := err.(*send.Error); !is || !failed.Permanent || !strings.Contains(failed.Message, "offers no STARTTLS") {
		t.Errorf("got %#v", err)
	}
}
