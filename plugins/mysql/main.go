package main

import sdk "github.com/outboard-connect/outboard/plugin-sdk"

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "mysql",
		Version: sdk.Version,
		Sources: []sdk.Source{{
			Description: sdk.Description{
				Class:         "MySqlSource",
				Aliases:       []string{classMySQL, classMariaDB},
				Documentation: "Captures the rows of MySQL and MariaDB tables and every change of them from the binary log, with Debezium's settings, topics and records.",
				Config:        sourceConfig,
				MaxTasks:      1,
			},
			Connector: func() sdk.Connector { return &connector{} },
			Task:      func() sdk.SourceTask { return &task{} },
		}},
	}
}

// Debezium's classes.
const (
	classMySQL   = "io.debezium.connector.mysql.MySqlConnector"
	classMariaDB = "io.debezium.connector.mariadb.MariaDbConnector"
)
