package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/document"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
)

// mostKnown bounds the indexes, and the schemas of each, that are remembered.
const mostKnown = 10_000

// resources sees to it that indexes and data streams are there, once for each.
type resources struct {
	client     *search.Client
	log        hclog.Logger
	create     bool
	dataStream bool
	template   string
	compact    bool

	known      map[string]map[*data.Schema]bool // schemas that the mapping is made for
	last       string                           // what was asked for last
	lastSchema *data.Schema
}

// ensure returns when a resource is there and, with a schema, its mapping has the
// schema's fields. The error says that the server could not be asked.
func (r *resources) ensure(ctx context.Context, name string, schema *data.Schema) error {
	if r.last == name && r.lastSchema == schema {
		return nil
	}
	schemas, known := r.known[name]
	if !known {
		mapped, err := r.find(ctx, name, schema)
		if err != nil {
			return err
		}
		schemas = map[*data.Schema]bool{schema: mapped}
		schemas[nil] = true // nothing to map
		r.remember(name, schemas)
	}
	if !schemas[schema] {
		if err := r.mapFields(ctx, name, schema); err != nil {
			return err
		}
		if len(schemas) >= mostKnown {
			clear(schemas)
			schemas[nil] = true
		}
		schemas[schema] = true
	}
	r.last, r.lastSchema = name, schema
	return nil
}

func (r *resources) remember(name string, schemas map[*data.Schema]bool) {
	if r.known == nil || len(r.known) >= mostKnown {
		r.known = map[string]map[*data.Schema]bool{}
	}
	r.known[name] = schemas
}

// find creates a resource that is missing, and tells whether that was with the schema's mapping.
func (r *resources) find(ctx context.Context, name string, schema *data.Schema) (mapped bool, err error) {
	if !r.create {
		return false, nil
	}
	there, err := r.client.Exists(ctx, name)
	if err != nil || there {
		return false, err
	}
	if r.dataStream {
		template := r.template
		if template == "" {
			template = name
		}
		r.log.Info("creating a data stream", "name", name)
		return true, explainCreation(r.client.CreateDataStream(ctx, name, template), "data stream "+name)
	}
	r.log.Info("creating an index", "name", name, "mapped", schema != nil)
	return true, explainCreation(r.client.CreateIndex(ctx, name, document.Mapping(schema, nil, r.compact)), "index "+name)
}

func explainCreation(err error, what string) error {
	var refusal *search.Refusal
	if errors.As(err, &refusal) && refusal.Class() == search.Document {
		return fmt.Errorf("%s cannot be created (%d %s): create it yourself, with another mapping if that is what the server minds", what, refusal.Status, refusal.Fault.Discreet())
	}
	return err
}

// mapFields adds the fields of a schema that the mapping of an index does not
// have. What the server does not accept it will guess, or refuse with the documents.
func (r *resources) mapFields(ctx context.Context, name string, schema *data.Schema) error {
	there, open, err := r.client.Fields(ctx, name)
	if err == nil && open {
		mapping := document.Mapping(schema, there, r.compact)
		if mapping == nil {
			return nil
		}
		err = r.client.PutMapping(ctx, name, mapping)
	}
	var refusal *search.Refusal
	if errors.As(err, &refusal) && !search.Temporary(err) {
		r.log.Warn("the fields of a schema are not in the mapping, the server guesses their types", "index", name, "schema", schema.String(), "err", err)
		return nil
	}
	return err
}
