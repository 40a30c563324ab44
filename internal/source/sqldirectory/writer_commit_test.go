package sqldirectory_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// deaf returns the DSN of a proxy in front of a server that passes a COMMIT on,
// and no answer to it.
func deaf(t *testing.T, dsn string) string {
	t.Helper()
	location, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the test server's DSN cannot be read")
	}
	server := location.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go func() { _, _ = io.Copy(near, far) }()
			go passOn(near, far)
		}
	}()
	location.Host = listener.Addr().String()
	if location.Scheme != "postgres" && location.Scheme != "postgresql" {
		location.RawQuery = "tls=false" // what is in TLS cannot be looked into
	}
	return location.String()
}

func passOn(near, far net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := near.Read(buffer)
		if err != nil {
			return
		}
		commits := bytes.Contains(buffer[:n], []byte("COMMIT"))
		if commits {
			near.Close()
		}
		if _, err := far.Write(buffer[:n]); err != nil || commits {
			return
		}
	}
}

// TestCommitWithoutAnAnswer may have committed: that is neither a success nor a
// failure.
func TestCommitWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e engine) {
		dsn := e.with(t, books...)
		d := open(t, dsn, booksMapping)
		w := openWriter(t, d, deaf(t, dsn), sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer})
		if err := w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), false); err != nil {
			t.Fatal("without a commit:", err)
		}
		wantError(t, w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), true), rightful.KindUncertain, "", "whether the transaction was committed is not known")
	})
}

// TestCommitThatIsRefused is certain: a deferred rule of the database speaks only
// then.
func TestCommitThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, e := range engines[:2] {
		dsn := e.with(t, "CREATE TABLE customers (id varchar(40) PRIMARY KEY)",
			"CREATE TABLE companies (id integer, stripe_customer_id varchar(40) REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED)",
			"INSERT INTO companies VALUES (11, NULL)")
		w, err := e.tryWriter(t, dsn, sqldirectory.WriteMapping{CompanyCustomer: e.writes().CompanyCustomer})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), true), rightful.KindInvalid, "", "")
		if err := w.CompareAndSet(t.Context(), linkChange("11", "", "cus_A"), false); err != nil {
			t.Errorf("%s: the connection is not usable afterwards: %v", e.name, err)
		}
	}
}
