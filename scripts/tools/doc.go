// Package tools is a module of its own for what builds and checks Outboard but is no part of it, so that
// generators and linters stay out of the engine's module graph.
//
//	go tool -modfile=scripts/tools/go.mod staticcheck ./...
//	go -C scripts/tools run ./protogen ../../proto
package tools
