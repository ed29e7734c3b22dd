package snapshot

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Server says where the server is and how to get in.
type Server struct {
	Address        string // host:port
	User, Password string
	TLS            *tls.Config // nil: not encrypted
	MariaDB        bool
	// GTID tells that MySQL numbers its transactions (gtid_mode=ON).
	GTID           bool
	ConnectTimeout time.Duration
	QueryTimeout   time.Duration // until the first row; 0: none
	Statements     []string      // to run on each new connection
}

// session is what every connection needs: values as package column reads them, no sql_mode that takes offence at what is stored, and no end
// of patience when Kafka is slow.
var session = []string{
	"SET NAMES utf8mb4",
	"SET SESSION time_zone = '+00:00'",
	"SET SESSION sql_mode = ''",
	"SET SESSION net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 86400",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
}

// conn is a connection that reads with the text protocol. The library shakes hands, negotiates TLS and authenticates; after that the connection
// is read here, since a row that is only sliced costs a tenth of one that is decoded value by value. It is used by one goroutine.
type conn struct {
	net     net.Conn
	server  *Server
	buf     []byte // buf[r:w] is read and not consumed
	r, w    int
	large   []byte // a packet that came in parts
	out     []byte
	seq     byte
	columns []field
	broken  bool // nothing more can be asked
}

// field is a column of a result.
type field struct {
	name      string
	signature string // what changes when the column is altered
}

const readBuffer = 128 << 10

// dial connects and prepares the session.
func dial(ctx context.Context, s *Server) (*conn, error) {
	dialer := &net.Dialer{Timeout: s.ConnectTimeout}
	limit := ctx
	if s.ConnectTimeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, s.ConnectTimeout)
		defer cancel()
	}
	shaken, err := client.ConnectWithDialer(limit, "tcp", s.Address, s.User, s.Password, "", func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if deadline, ok := limit.Deadline(); ok {
			err = c.SetDeadline(deadline)
		}
		return c, err
	}, func(c *client.Conn) error {
		// Neither is understood here.
		c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
		c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
		if s.TLS != nil {
			c.SetTLSConfig(s.TLS)
		}
		return nil
	})
	if err != nil {
		var answer *mysql.MyError
		if errors.As(err, &answer) { // told as all the others
			err = &driver.MySQLError{Number: answer.Code, Message: answer.Message}
		}
		return nil, err
	}
	c := &conn{net: shaken.Conn.Conn, server: s, buf: make([]byte, readBuffer)}
	if err := c.net.SetDeadline(time.Time{}); err != nil {
		c.close()
		return nil, err
	}
	for _, list := range [][]string{session, s.Statements} {
		for _, statement := range list {
			if err := c.exec(ctx, statement); err != nil {
				c.close()
				return nil, fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return c, nil
}

func (c *conn) close() {
	c.broken = true
	_ = c.net.Close() // what was asked is abandoned
}

// exec runs a statement and drops its result.
func (c *conn) exec(ctx context.Context, statement string) error {
	rows, err := c.query(ctx, statement)
	if err != nil {
		return err
	}
	return rows.drain()
}

// rows is the result of a query, read to its end or not at all.
type rows struct {
	c     *conn
	stop  func() bool // of the watch on the context
	ctx   context.Context
	ended bool
	timer *time.Timer // of the query's timeout, until the first row
}

// query sends a statement. Until its rows are read to the end, or an error, the connection can do nothing else; ctx cuts it off for good.
func (c *conn) query(ctx context.Context, statement string) (*rows, error) {
	if c.broken {
		return nil, net.ErrClosed
	}
	rs := &rows{c: c, ctx: ctx}
	rs.stop = context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	if c.server.QueryTimeout > 0 {
		rs.timer = time.AfterFunc(c.server.QueryTimeout, func() { _ = c.net.SetDeadline(time.Unix(2, 0)) })
	}
	if err := rs.start(statement); err != nil {
		return nil, rs.fail(err)
	}
	return rs, nil
}

func (rs *rows) start(statement string) error {
	c := rs.c
	c.out = append(c.out[:0], 0, 0, 0, 0, mysql.COM_QUERY)
	c.out = append(c.out, statement...)
	n := len(c.out) - 4
	if n >= mysql.MaxPayloadLen {
		return fmt.Errorf("a statement of %d bytes is too long", n)
	}
	c.out[0], c.out[1], c.out[2] = byte(n), byte(n>>8), byte(n>>16)
	c.seq = 1
	if _, err := c.net.Write(c.out); err != nil {
		return err
	}
	p, err := c.packet()
	if err != nil {
		return err
	}
	switch {
	case p[0] == mysql.OK_HEADER:
		c.columns = c.columns[:0]
		rs.end()
		return nil
	case p[0] == mysql.ERR_HEADER:
		return serverError(p)
	case p[0] == mysql.LocalInFile_HEADER:
		return errors.New("the server asks for a file")
	}
	count, _, n := lengthEncoded(p)
	if n == 0 || count > 4096 {
		return errMalformed
	}
	c.columns = c.columns[:0]
	for range count {
		if p, err = c.packet(); err != nil {
			return err
		}
		f, err := parseField(p)
		if err != nil {
			return err
		}
		c.columns = append(c.columns, f)
	}
	if p, err = c.packet(); err != nil {
		return err
	}
	if !isEOF(p) {
		return errMalformed
	}
	return nil
}

// next reads a row into cells, one a column. They are valid until the next call. At the end it returns false and nil.
func (rs *rows) next(cells []column.Cell) (bool, error) {
	if rs.ended {
		return false, nil
	}
	p, err := rs.c.packet()
	if rs.timer != nil {
		rs.timer.Stop() // what was cut off in the meantime shows at the next packet
		rs.timer = nil
	}
	switch {
	case err != nil:
		return false, rs.fail(err)
	case isEOF(p):
		rs.end()
		return false, nil
	case p[0] == mysql.ERR_HEADER:
		return false, rs.fail(serverError(p))
	}
	if err := split(p, cells); err != nil {
		return false, rs.fail(err)
	}
	return true, nil
}

// split takes a row packet apart.
func split(p []byte, cells []column.Cell) error {
	for i := range cells {
		n, null, width := lengthEncoded(p)
		if width == 0 || !null && uint64(len(p)-width) < n {
			return errMalformed
		}
		if null {
			cells[i], p = column.Cell{State: column.Null}, p[width:]
			continue
		}
		end := width + int(n)
		cells[i], p = column.Cell{Bytes: p[width:end:end], State: column.Text}, p[end:]
	}
	if len(p) > 0 {
		return errMalformed
	}
	return nil
}

// drain reads what is left.
func (rs *rows) drain() error {
	cells := make([]column.Cell, len(rs.c.columns))
	for {
		if more, err := rs.next(cells); !more {
			return err
		}
	}
}

// end stops watching.
func (rs *rows) end() {
	rs.ended = true
	rs.stop()
	if rs.timer != nil {
		rs.timer.Stop()
		rs.timer = nil
	}
}

// fail ends the result with an error. After one that is not the server's the connection is of no use any more.
func (rs *rows) fail(err error) error {
	rs.end()
	var answer *driver.MySQLError
	if errors.As(err, &answer) {
		return err
	}
	rs.c.close()
	switch {
	case rs.ctx.Err() != nil:
		return rs.ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within database.query.timeout.ms=%d", rs.c.server.QueryTimeout.Milliseconds())
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// packet reads one, which is valid until the next call.
func (c *conn) packet() ([]byte, error) {
	p, last, err := c.part()
	if err == nil && len(p) == 0 {
		err = errMalformed // an empty one has no meaning where packets are read
	}
	if err != nil || last {
		return p, err
	}
	c.large = append(c.large[:0], p...)
	for !last {
		if p, last, err = c.part(); err != nil {
			return nil, err
		}
		c.large = append(c.large, p...)
	}
	p = c.large
	if cap(c.large) > 16*mysql.MaxPayloadLen {
		c.large = nil // not to be kept
	}
	return p, nil
}

// part reads what one header announces; last tells that the packet ends with it.
func (c *conn) part() (p []byte, last bool, err error) {
	if err := c.fill(4); err != nil {
		return nil, false, err
	}
	h := c.buf[c.r : c.r+4]
	n := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	if h[3] != c.seq {
		return nil, false, fmt.Errorf("packet %d came instead of %d", h[3], c.seq)
	}
	c.seq++
	if err := c.fill(4 + n); err != nil {
		return nil, false, err
	}
	p = c.buf[c.r+4 : c.r+4+n]
	c.r += 4 + n
	return p, n < mysql.MaxPayloadLen, nil
}

// fill makes n bytes available at c.r.
func (c *conn) fill(n int) error {
	if c.w-c.r >= n {
		return nil
	}
	if c.r > 0 {
		copy(c.buf, c.buf[c.r:c.w])
		c.r, c.w = 0, c.w-c.r
	}
	if n > len(c.buf) {
		size := readBuffer
		for size < n {
			size *= 2
		}
		larger := make([]byte, size)
		copy(larger, c.buf[:c.w])
		c.buf = larger
	}
	for c.w < n {
		m, err := c.net.Read(c.buf[c.w:])
		c.w += m
		if err != nil && c.w < n {
			return err
		}
	}
	return nil
}

var errMalformed = errors.New("the server's answer cannot be read")

func isEOF(p []byte) bool { return len(p) > 0 && len(p) < 9 && p[0] == mysql.EOF_HEADER }

// serverError reads an error packet.
func serverError(p []byte) error {
	if len(p) < 3 {
		return errMalformed
	}
	e := &driver.MySQLError{Number: binary.LittleEndian.Uint16(p[1:])}
	p = p[3:]
	if len(p) >= 6 && p[0] == '#' {
		copy(e.SQLState[:], p[1:6])
		p = p[6:]
	}
	e.Message = string(p)
	return e
}

// lengthEncoded reads a number; width is 0 when it is cut off.
func lengthEncoded(p []byte) (n uint64, null bool, width int) {
	if len(p) == 0 {
		return 0, false, 0
	}
	switch b := p[0]; {
	case b < 0xfb:
		return uint64(b), false, 1
	case b == 0xfb:
		return 0, true, 1
	case b == 0xfc && len(p) >= 3:
		return uint64(binary.LittleEndian.Uint16(p[1:])), false, 3
	case b == 0xfd && len(p) >= 4:
		return uint64(p[1]) | uint64(p[2])<<8 | uint64(p[3])<<16, false, 4
	case b == 0xfe && len(p) >= 9:
		return binary.LittleEndian.Uint64(p[1:]), false, 9
	}
	return 0, false, 0
}

// The flags of a column that say what its values are or where they stand in the key.
const signatureFlags = mysql.NOT_NULL_FLAG | mysql.PRI_KEY_FLAG | mysql.UNSIGNED_FLAG | mysql.BINARY_FLAG | mysql.ENUM_FLAG | mysql.SET_FLAG

// parseField reads the definition of a column.
func parseField(p []byte) (field, error) {
	var name []byte
	for i := range 6 { // catalog, schema, table, original table, name, original name
		n, _, width := lengthEncoded(p)
		if width == 0 || uint64(len(p)-width) < n {
			return field{}, errMalformed
		}
		if i == 4 {
			name = p[width : width+int(n)]
		}
		p = p[width+int(n):]
	}
	if len(p) < 11 { // the length of what follows, character set, length, type, flags, decimals
		return field{}, errMalformed
	}
	flags := binary.LittleEndian.Uint16(p[8:]) & signatureFlags
	return field{
		name:      string(name),
		signature: fmt.Sprintf("%s %d %d %d %d %d", name, p[7], binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint32(p[3:]), flags, p[10]),
	}, nil
}

// one returns the single row of a query as texts by lower-case column name, nil when there is none. Null is "".
func (c *conn) one(ctx context.Context, statement string) (map[string]string, error) {
	all, err := c.all(ctx, statement)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// all returns the rows of a small result.
func (c *conn) all(ctx context.Context, statement string) ([]map[string]string, error) {
	rs, err := c.query(ctx, statement)
	if err != nil {
		return nil, err
	}
	cells := make([]column.Cell, len(c.columns))
	var result []map[string]string
	for {
		more, err := rs.next(cells)
		if !more {
			return result, err
		}
		row := make(map[string]string, len(cells))
		for i, cell := range cells {
			row[strings.ToLower(c.columns[i].name)] = string(cell.Bytes)
		}
		result = append(result, row)
	}
}
