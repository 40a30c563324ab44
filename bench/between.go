package main

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
)

// between stands between rightful and its database, and counts the ways there and back: a
// way begins when something is sent after the last answer, however many statements are
// in it. It returns the address to connect to instead.
func (s *stand) between() (address string, count func() int, err error) {
	at, err := url.Parse(s.database)
	if err != nil {
		return "", nil, errors.New("the address of the database is no URL")
	}
	target := at.Host
	if at.Port() == "" {
		target = net.JoinHostPort(at.Hostname(), "5432")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s.ends = append(s.ends, func() { _ = listener.Close() })
	var trips atomic.Int64
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			relay(client, server, &trips)
		}
	}()
	at.Host = listener.Addr().String()
	return at.String(), func() int { return int(trips.Load()) }, nil
}

// relay passes on what both sides say until one of them is gone.
func relay(client, server net.Conn, trips *atomic.Int64) {
	var answered atomic.Bool
	answered.Store(true)
	var once sync.Once
	end := func() { once.Do(func() { _ = client.Close(); _ = server.Close() }) }
	pass := func(to io.Writer, from io.Reader, seen func()) {
		defer end()
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				seen()
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go pass(server, client, func() {
		if answered.Swap(false) {
			trips.Add(1)
		}
	})
	go pass(client, server, func() { answered.Store(true) })
}
