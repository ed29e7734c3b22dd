package binlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/outboard-connect/outboard/plugins/mysql/position"
)

// read connects and reads until the connection ends. The error is of type *Error when another connection would not help.
func (s *Stream) read() error {
	start, err := s.config.Locate(s.ctx, s.framer.at)
	if err != nil {
		return err
	}
	c := &connection{stream: s}
	// The client's own Close would kill a thread by its number, which may be somebody else's after a restart of the server.
	stop := context.AfterFunc(s.ctx, c.close)
	defer func() {
		stop()
		c.close()
	}()
	s.framer.connected(start)
	syncer := replication.NewBinlogSyncer(c.settings(start))
	var streamer *replication.BinlogStreamer
	if start.ByGTID {
		streamer, err = syncer.StartSyncGTID(gtidSet{start.GTIDs})
	} else {
		if start.Pos > math.MaxUint32 {
			return &Error{Lost, fmt.Errorf("the position %s:%d cannot be asked for: the protocol has 32 bits for it", start.File, start.Pos)}
		}
		streamer, err = syncer.StartSync(mysql.Position{Name: start.File, Pos: uint32(start.Pos)})
	}
	if err != nil {
		return classify(err)
	}
	s.config.Logger.Info("reading the binary log", "position", s.framer.at.String(), "gtid", start.ByGTID)
	// Events go to HandleEvent; what comes here is the end.
	if _, err = streamer.GetEvent(context.Background()); err == nil {
		err = errors.New("the replication client delivered an event")
	}
	if c.failed != nil {
		return c.failed
	}
	return classify(err)
}

// connection is one connection to the binary log: the replication client calls it.
type connection struct {
	stream *Stream
	conn   closeOnce
	failed error // of HandleEvent; set before the client ends
}

func (c *connection) close() { c.conn.close() }

func (c *connection) settings(start Start) replication.BinlogSyncerConfig {
	s := c.stream.config
	b := replication.BinlogSyncerConfig{
		ServerID: s.ServerID, Flavor: mysql.MySQLFlavor, Host: s.Host, Port: uint16(s.Port), User: s.User, Password: s.Password, TLSConfig: start.TLS,
		RawModeEnabled: true, DisableRetrySync: true, EventCacheCount: 1, SynchronousEventHandler: c,
		HeartbeatPeriod: s.Heartbeat, ReadTimeout: s.Silence, Option: c.prepare, Dialer: c.dial,
		Logger: slog.New(slog.DiscardHandler),
	}
	if s.MariaDB {
		b.Flavor = mysql.MariaDBFlavor
		if s.Annotations {
			b.DumpCommandFlag = replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
		}
	}
	return b
}

func (c *connection) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !c.conn.set(conn) {
		return nil, errStopped
	}
	return &coarse{Conn: conn}, nil
}

// prepare sets the session. A reader that waits for Kafka must not be cut off.
func (c *connection) prepare(conn *client.Conn) error {
	for name, d := range map[string]time.Duration{"net_write_timeout": c.stream.config.WriteTimeout, "net_read_timeout": c.stream.config.ReadTimeout} {
		if d > 0 {
			if _, err := conn.Execute(fmt.Sprintf("SET SESSION %s = %d", name, int64(d.Seconds()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// HandleEvent takes an event from the replication client, in its goroutine.
func (c *connection) HandleEvent(e *replication.BinlogEvent) error {
	// The client has taken the checksum off and, of the two events that it knows, the header too.
	var body []byte
	switch event := e.Event.(type) {
	case *replication.GenericEvent:
		body = event.Data
	case *replication.RotateEvent, *replication.FormatDescriptionEvent:
		body = e.RawData[replication.EventHeaderSize:]
		if rotate, ok := event.(*replication.RotateEvent); ok {
			body = body[:8+len(rotate.NextLogName)]
		}
	}
	if err := c.stream.framer.handle(e.Header, body); err != nil {
		c.failed = err
		var final *Error
		if !errors.As(err, &final) && !errors.Is(err, errStopped) {
			c.failed = &Error{Damaged, err}
		}
		return err
	}
	return nil
}

// classify finds errors that another connection would meet again.
func classify(err error) error {
	var answer *mysql.MyError
	if !errors.As(err, &answer) {
		return err
	}
	text := strings.ToLower(answer.Message)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch answer.Code {
	case mysql.ER_ACCESS_DENIED_ERROR, mysql.ER_SPECIFIC_ACCESS_DENIED_ERROR, mysql.ER_DBACCESS_DENIED_ERROR:
		return &Error{Denied, err}
	case mysql.ER_MASTER_HAS_PURGED_REQUIRED_GTIDS, gtidStartNotFound, gtidMissing:
		return &Error{Lost, err}
	case mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG:
		// One number for everything; only the text tells more.
		switch {
		case has("same server_uuid", "same server-id", "same server_id"):
			return fmt.Errorf("another replica or connector has the same server id; give this one another database.server.id: %w", err)
		case has("max_allowed_packet"):
			return &Error{TooLarge, err}
		case has("could not find first log file", "impossible position", "position > file size", "purged", "could not find", "not in the master's binlog", "slave has more gtids", "replica has more gtids", "missing"):
			return &Error{Lost, err}
		}
	}
	return err
}

// MariaDB's errors for a GTID that its log does not have.
const (
	gtidStartNotFound = 1945 // ER_GTID_START_FROM_BINLOG_HOLE
	gtidMissing       = 1955 // ER_GTID_POSITION_NOT_FOUND_IN_BINLOG2
)

// gtidSet gives the replication client a set. It asks for its text and its binary form alone.
type gtidSet struct{ position.Set }

func (s gtidSet) Equal(mysql.GTIDSet) bool   { return false }
func (s gtidSet) Contain(mysql.GTIDSet) bool { return false }
func (s gtidSet) Update(string) error        { return errors.New("the set is constant") }
func (s gtidSet) Clone() mysql.GTIDSet       { return s }
func (s gtidSet) IsEmpty() bool              { return s.Empty() }
