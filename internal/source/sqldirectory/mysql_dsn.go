package sqldirectory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const mysqlHint = "write mysql://user:password@host:3306/database?tls=true, with special characters of the password as %XX"

func dialMySQL(dsn string, connectTimeout time.Duration, to access) (*sql.DB, dialect, error) {
	location, err := url.Parse(dsn)
	if err != nil || location.Opaque != "" || location.Fragment != "" {
		// The parser's own words may repeat the DSN; they are dropped.
		return nil, nil, invalid(placeDSN, "this is no MySQL address", mysqlHint)
	}
	config := mysql.NewConfig()
	config.User = location.User.Username()
	config.Passwd, _ = location.User.Password()
	config.DBName = strings.TrimPrefix(location.Path, "/")
	config.Net, config.Addr = "tcp", net.JoinHostPort(location.Hostname(), "3306")
	switch {
	case config.DBName == "" || strings.Contains(config.DBName, "/"):
		return nil, nil, invalid(placeDSN, "the address names no database", mysqlHint)
	case location.Hostname() == "":
		config.Addr = net.JoinHostPort("localhost", "3306")
	case location.Port() != "":
		config.Addr = location.Host
	}
	config.TLSConfig = "preferred"
	config.ParseTime, config.Loc = true, time.UTC
	config.Timeout = connectTimeout
	config.CheckConnLiveness = true
	config.ClientFoundRows = to == forWriting // a row counts that was found, as in the other databases
	config.Logger = &mysql.NopLogger{}        // what it would log comes as an error too
	config.ConnectionAttributes = "program_name:rightful"
	parameters := location.Query()
	for _, name := range slices.Sorted(maps.Keys(parameters)) { // tls comes after what others call it
		if err := mysqlParameter(config, name, parameters[name][0]); err != nil {
			return nil, nil, err
		}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, nil, invalid(placeDSN, "this is no MySQL address", mysqlHint)
	}
	timed := timedConnector{connector, connectTimeout}
	return sql.OpenDB(timed), &mysqlServer{config: config, connector: timed}, nil
}

// ignored are parameters that other programs read from the same address, and
// that change nothing of what is read.
var ignored = []string{
	"connection_limit", "pool", "pool_timeout", "pool_recycle", "socket_timeout", "connect_timeout", "timeout", "readtimeout", "writetimeout",
	"encoding", "charset", "collation", "reconnect", "parsetime", "servername", "serverversion", "schema", "pgbouncer", "multistatements",
}

// mysqlParameter sets what one parameter of the address says. Libraries name
// the same few things differently.
func mysqlParameter(config *mysql.Config, name, value string) error {
	plain := strings.ToLower(strings.ReplaceAll(name, "-", ""))
	switch plain {
	case "tls", "sslmode", "ssl_mode", "sslaccept":
		switch strings.ToLower(value) {
		case "true", "1", "verify_ca", "verify_identity", "strict":
			config.TLSConfig = "true"
		case "skip-verify", "required", "accept_invalid_certs":
			config.TLSConfig = "skip-verify"
		case "preferred":
			config.TLSConfig = "preferred"
		case "false", "0", "disabled", "disable":
			config.TLSConfig = "false"
		default:
			return invalid(placeDSN, "the address has no such "+name, "write tls=true, tls=skip-verify, tls=preferred or tls=false")
		}
	case "socket", "unix_socket":
		config.Net, config.Addr, config.TLSConfig = "unix", value, "false"
	case "loc":
		loc, err := time.LoadLocation(value)
		if err != nil {
			return invalid(placeDSN, "the address names a time zone in loc that is not known here", "write it like loc=Europe/Berlin")
		}
		config.Loc = loc
	default:
		if !slices.Contains(ignored, plain) {
			return invalid(placeDSN, "the address has the parameter "+quoted(name)+", which is not known", "tls, socket and loc are known")
		}
	}
	return nil
}

// timedConnector bounds all of connecting: the driver's own timeout ends when
// the other side has taken the connection, though it may then say nothing.
type timedConnector struct {
	driver.Connector
	timeout time.Duration
}

// Connect implements driver.Connector.
func (c timedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.Connector.Connect(ctx)
}
