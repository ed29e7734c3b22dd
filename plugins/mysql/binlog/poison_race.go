//go:build race

package binlog

const poison = true
