package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	broker := flag.String("kafka", "127.0.0.1:19092", "address of Kafka")
	connect := flag.String("connect", "http://127.0.0.1:18083", "address of Kafka Connect with both plugins of Debezium")
	mysql := flag.String("mysql", "127.0.0.1:13307", "address of MySQL; its user is native, password native")
	mariadb := flag.String("mariadb", "127.0.0.1:13306", "address of MariaDB; its user is outboard, password outboard")
	folder := flag.String("folder", "plugins/mysql/testdata/debezium", "where the SQL is and the recordings go")
	column := flag.String("column", "plugins/mysql/column", "where what package column needs to know goes")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()

	for _, s := range []server{
		{name: "mysql", class: "io.debezium.connector.mysql.MySqlConnector", address: *mysql, user: "native", serverID: 5400},
		{name: "mariadb", class: "io.debezium.connector.mariadb.MariaDbConnector", address: *mariadb, user: "outboard", serverID: 5500},
	} {
		s.sql, s.folder = *folder, filepath.Join(*folder, s.name)
		s.broker, s.connect = *broker, *connect
		if err := s.record(ctx, *column); err != nil {
			log.Fatalf("%s: %v", s.name, err)
		}
		fmt.Println(s.name, "recorded")
	}
}
