package sqldirectory_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// flights counts how often a client sends something after it has heard something on
// the same connection: the ways that its questions go.
type flights struct {
	mu    sync.Mutex
	count int
	alter func([]byte) // changes what the client sends, in place; nil: nothing
}

// alters returns what changes what the client sends.
func (f *flights) alters(what []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.alter != nil {
		f.alter(what)
	}
}

// connection is one of those that are counted.
type connection struct {
	of    *flights
	heard bool // guarded by of.mu
}

func (c *connection) sent() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.heard {
		c.of.count++
	}
	c.heard = false
}

func (c *connection) received() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.heard = true
}

// during returns how many flights there are while do runs.
func (f *flights) during(do func()) int {
	f.mu.Lock()
	before := f.count
	f.mu.Unlock()
	do()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count - before
}

// counted puts a proxy before the database that counts flights.
func counted(t *testing.T, dsn string) (string, *flights) {
	t.Helper()
	at, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the DSN is no URL")
	}
	server := at.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	f := &flights{}
	copying := func(to, from net.Conn, each func([]byte)) {
		defer to.Close()
		defer from.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				each(buffer[:n])
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				return
			}
			c := &connection{of: f}
			go copying(up, client, func(what []byte) { c.sent(); f.alters(what) })
			go copying(client, up, func([]byte) { c.received() })
		}
	}()
	at.Host = listener.Addr().String()
	return at.String(), f
}
