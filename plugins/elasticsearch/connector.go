package main

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
)

// connector gives each task the whole configuration, and tries a configuration out.
type connector struct{ config map[string]string }

func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	c.config = cc.Config
	_, err := load(cc.Config)
	return err
}

// load reads a configuration; the error is for good.
func load(given map[string]string) (*settings, error) {
	v, err := sinkConfig().Parse(given)
	if err != nil {
		return nil, sdk.Fatal(err)
	}
	s, problems := readSettings(v)
	if len(problems) > 0 {
		return nil, sdk.Fatal(problems.err())
	}
	return s, nil
}

func (c *connector) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	return slices.Repeat([]map[string]string{c.config}, most), nil
}

func (c *connector) Stop(context.Context) error { return nil }

// liveLimit is how long trying out may take: somebody waits for the answer.
const liveLimit = 10 * time.Second

// Validate tells what the declaration cannot: which keys contradict each other,
// whether the server is there, is one of the right kind and lets the user in,
// and whether the resources that must exist do.
func (c *connector) Validate(ctx context.Context, given map[string]string) ([]config.Value, error) {
	v, err := sinkConfig().Parse(given)
	if err != nil {
		return nil, nil // the declaration says so
	}
	s, problems := readSettings(v)
	if len(problems) == 0 {
		problems = s.try(ctx)
	}
	var values []config.Value
	for _, p := range problems {
		value := config.Value{Name: p.key, Errors: []string{p.err.Error()}, Visible: true}
		if at := slices.IndexFunc(values, func(v config.Value) bool { return v.Name == p.key }); at >= 0 {
			values[at].Errors = append(values[at].Errors, value.Errors...)
			continue
		}
		values = append(values, value)
	}
	return values, nil
}

// try asks the server.
func (s *settings) try(ctx context.Context) problems {
	ctx, cancel := context.WithTimeout(ctx, liveLimit)
	defer cancel()
	s.client.RequestTimeout = min(s.client.RequestTimeout, liveLimit/2)
	var p problems
	client, err := search.New(s.client)
	if err == nil {
		defer client.Close()
		_, err = client.Server(ctx)
	}
	if err != nil {
		p.add(search.KeyOf(err), "%w", err)
		return p
	}
	if !s.external {
		return nil
	}
	for topic, name := range s.names {
		there, err := client.Exists(ctx, name)
		switch {
		case err != nil:
			p.add(search.KeyOf(err), "%w", err)
			return p
		case !there:
			p.add(keyResources, "%s has %s:%s, and the search server has no %s: create it, or correct the name", keyResources, topic, name, name)
		}
	}
	return p
}

// open connects to the server and says what it is.
func (s *settings) open(ctx context.Context, log hclog.Logger) (*search.Client, error) {
	client, err := search.New(s.client)
	if err != nil {
		return nil, sdk.Fatal(err)
	}
	server, err := client.Server(ctx)
	if err != nil {
		client.Close()
		return nil, failure(err)
	}
	log.Info("connected", "server", server.String())
	return client, nil
}

// failure tells whether an error needs a person.
func failure(err error) error {
	if search.Permanent(err) {
		return sdk.Fatal(err)
	}
	return err
}
