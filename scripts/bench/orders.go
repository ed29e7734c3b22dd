package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"

	"github.com/go-sql-driver/mysql"
)

// orders is a table of ten columns, about 150 bytes a row, in the database shop of MariaDB.
type orders struct {
	db         *sql.DB
	host, port string
}

// orderRows is how many rows the table has.
const orderRows = 1_000_000

// orderColumns are alike in all tables; their values come from a sequence.
const orderColumns = `(id BIGINT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, sku VARCHAR(32) NOT NULL, status VARCHAR(16) NOT NULL,
	qty INT NOT NULL, price DECIMAL(10,2) NOT NULL, note VARCHAR(120), created DATETIME(3) NOT NULL,
	updated TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), flag TINYINT NOT NULL)`

const orderValues = `SELECT seq, seq*7919%200000, CONCAT('SKU-',LPAD(seq%5000,12,'0')), ELT(1+seq%4,'new','paid','shipped','returned'),
	1+seq%9, (seq%100000)/100, CONCAT(MD5(seq),MD5(seq+1)), '2024-01-01 00:00:00.123' + INTERVAL seq SECOND, '2024-06-01 00:00:00.456', seq%2`

// databaseUser is also the password.
const databaseUser = "outboard"

func openOrders(ctx context.Context, address string) (*orders, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd = "tcp", address, databaseUser, databaseUser
	server, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		return nil, err
	}
	_, err = server.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS shop")
	if err := errors.Join(err, server.Close()); err != nil {
		return nil, err
	}
	c.DBName = "shop"
	db, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		return nil, err
	}
	return &orders{db: db, host: host, port: port}, nil
}

func (o *orders) close() error { return o.db.Close() }

// run runs statements in one session.
func (o *orders) run(ctx context.Context, statements ...string) (err error) {
	session, err := o.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, s := range statements {
		if _, err := session.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.80s: %w", s, err)
		}
	}
	return nil
}

// fill makes the rows of shop.orders, if they are not there. They are not in the binlog.
func (o *orders) fill(ctx context.Context) error {
	rows := 0
	if err := o.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop' AND table_name = 'orders'").Scan(&rows); err != nil || rows > 0 {
		return err
	}
	return o.run(ctx, "SET sql_log_bin=0", "CREATE OR REPLACE TABLE shop.orders_new "+orderColumns,
		fmt.Sprintf("INSERT INTO shop.orders_new %s FROM seq_1_to_%d", orderValues, orderRows),
		"ANALYZE TABLE shop.orders_new", "RENAME TABLE shop.orders_new TO shop.orders", "SET sql_log_bin=1") // the session is used again
}

// executor is a connection, or all of them.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// add inserts the row of an id.
func (o *orders) add(ctx context.Context, on executor, table string, id int64) error {
	_, err := on.ExecContext(ctx, fmt.Sprintf("INSERT INTO shop.%s %s FROM (SELECT %d AS seq) one", table, orderValues, id))
	return err
}

// changesAtOnce is how many rows a transaction changes.
const changesAtOnce = 10_000

// insert makes a number of rows, in transactions, in another table of the same columns.
func (o *orders) insert(ctx context.Context, table string, rows int64) error {
	for first := int64(1); first <= rows; first += changesAtOnce {
		last := min(rows, first+changesAtOnce-1)
		if err := o.run(ctx, fmt.Sprintf("INSERT INTO shop.%s %s FROM seq_%d_to_%d", table, orderValues, first, last)); err != nil {
			return err
		}
	}
	return nil
}

// update changes a number of rows of shop.orders, in transactions.
func (o *orders) update(ctx context.Context, rows int64) error {
	if rows > orderRows {
		return fmt.Errorf("%d changes of %d rows", rows, orderRows)
	}
	for first := int64(1); first <= rows; first += changesAtOnce {
		last := min(rows, first+changesAtOnce-1)
		if err := o.run(ctx, fmt.Sprintf("UPDATE shop.orders SET qty = qty + 1, status = 'paid' WHERE id BETWEEN %d AND %d", first, last)); err != nil {
			return err
		}
	}
	return nil
}

// make makes an empty table of the same columns.
func (o *orders) make(ctx context.Context, table string) error {
	return o.run(ctx, "CREATE TABLE shop."+table+" "+orderColumns)
}

// forget drops a table, and the binlogs that nobody needs any more.
func (o *orders) forget(ctx context.Context, tables ...string) error {
	statements := []string{"FLUSH BINARY LOGS"}
	for _, t := range tables {
		statements = append(statements, "DROP TABLE shop."+t)
	}
	if err := o.run(ctx, statements...); err != nil {
		return err
	}
	var file string
	var rest [3]any
	if err := o.db.QueryRowContext(ctx, "SHOW MASTER STATUS").Scan(&file, &rest[0], &rest[1], &rest[2]); err != nil {
		return err
	}
	// What is being read stays there.
	return o.run(ctx, "PURGE BINARY LOGS TO '"+file+"'")
}
