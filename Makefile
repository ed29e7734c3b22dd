# make help lists the targets. Only Go is needed, except for integration, bench and check, which start real services.

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
VERSION_VAR := github.com/outboard-connect/outboard/host/internal/cli.version
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X $(VERSION_VAR)=$(VERSION)"

SOURCES := $(wildcard host plugin-sdk plugins proto rest scripts)
PLUGINS := $(patsubst %/,./%,$(wildcard plugins/*/))
STATICCHECK := go tool -modfile=scripts/tools/go.mod staticcheck

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build demo demo-mysql test integration bench bench-converters bench-mysql bench-mysql-debezium bench-kafka-connect check fmt fmt-check lint proto proto-check release clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-20s %s\n", $$1, $$2 }'

build: ## bin/outboard and bin/plugins/<name>, one static file each
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/ ./host/cmd/outboard
	$(if $(PLUGINS),CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/plugins/ $(PLUGINS))

demo: build ## a file source and a file sink on an embedded broker, in one minute; KEEP=1 leaves it running
	scripts/demo.sh $(if $(KEEP),--keep)

demo-mysql: build ## MariaDB, Kafka, OpenSearch and Outboard: rows become documents; KEEP=1 leaves it running
	scripts/demo-mysql.sh $(if $(KEEP),--keep)

test: build ## everything that needs only Go: vet and the unit tests
	go vet ./...
	go test ./...

integration: build ## the tests against Apache Kafka (Java and Maven; scripts/services)
	scripts/integration.sh

bench: build ## Outboard's benchmarks; ARGS="…" goes to the driver
	scripts/bench/run.sh bench "$(ARGS)"

bench-converters: ## ns and allocations a record, for converters and chains of transformations; a part of bench
	scripts/bench/run.sh converters

bench-mysql: ## rows of MariaDB into Kafka and into OpenSearch: rate, CPU, latency
	scripts/bench/run.sh mysql "$(ARGS)"

bench-mysql-debezium: ## the same work on Debezium in Apache Kafka Connect
	scripts/bench/run.sh mysql-debezium "$(ARGS)"

bench-kafka-connect: ## the same work on Apache Kafka Connect
	scripts/bench/run.sh kafka-connect "$(ARGS)"

check: fmt-check lint proto-check build ## all that CI runs
	go test -race -count=1 ./...
	scripts/integration.sh

fmt: ## formats the Go code
	gofmt -w $(SOURCES)

fmt-check:
	@unformatted=$$(gofmt -l $(SOURCES)) && [ -z "$$unformatted" ] || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }

lint: ## go vet and staticcheck, integration tests included
	go vet ./...
	go vet -tags integration ./...
	go -C scripts/tools vet ./...
	$(STATICCHECK) -tags integration ./...

proto: ## generates proto/connect/v1/*.pb.go from the .proto files; needs no protoc
	go -C scripts/tools run ./protogen ../../proto

proto-check:
	go -C scripts/tools run ./protogen -check ../../proto

release: ## dist/: tarballs for linux and darwin, amd64 and arm64, with SHA256SUMS
	VERSION="$(VERSION)" VERSION_VAR="$(VERSION_VAR)" scripts/release.sh

clean: ## removes bin/ and dist/
	rm -rf bin dist
