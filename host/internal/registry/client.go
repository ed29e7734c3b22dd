package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// Client is a converter's way to the registry. It belongs to one goroutine.
type Client struct {
	client *sr.Client
	use    string // key or value
	// register, latest, strict and normalize are auto.register.schemas, use.latest.version, latest.compatibility.strict and
	// normalize.schemas.
	register, latest, strict, normalize bool
	strategy                            string

	// limit is how many of each of these are kept.
	limit int
	ids   map[target]written
	texts map[ID]*Schema
	// header and dual are value.schema.id.serializer and value.schema.id.deserializer, or those of the key.
	header, dual bool
}

// WritesHeader tells whether the GUID of a schema goes into a header of the record, instead of its number in front of the value.
func (c *Client) WritesHeader() bool { return c.header }

// ReadsHeader tells whether such a header counts when a record has one.
func (c *Client) ReadsHeader() bool { return c.dual }

// written is what values of a schema are written under.
type written struct {
	id   ID
	text string
}

// target is a schema under a subject.
type target struct {
	subject string
	text    string
}

// Schema is one of the registry's.
type Schema struct {
	// Text is the schema; References are the texts of the schemas that it refers to, all of them, each before those that refer to
	// it.
	Text       string
	Type       Format
	References []Reference
}

// Reference is a schema that another one refers to by a name.
type Reference struct{ Name, Text string }

// Format is the format of a schema.
type Format = sr.SchemaType

// The formats of schemas.
const (
	Avro     = sr.TypeAvro
	Protobuf = sr.TypeProtobuf
	JSON     = sr.TypeJSON
)

// Error is what went wrong with the registry.
type Error struct {
	text      string
	err       error
	retriable bool
}

// Error says what was asked for, and what came of it.
func (e *Error) Error() string { return e.text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Retriable tells that the same may work later.
func (e *Error) Retriable() bool { return e.retriable }

// patience is how long a call waits for the registry.
const patience = 20 * time.Second

// failed explains an error of the registry.
func failed(err error, format string, args ...any) error {
	e := &Error{err: err, retriable: true}
	reason := err.Error()
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		reason = fmt.Sprintf("%s (status %d, error code %d)", answer.Message, answer.StatusCode, answer.ErrorCode)
		e.retriable = answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests
		if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
			reason += "; check basic.auth.user.info or bearer.auth.token"
		}
	} else {
		reason += "; check schema.registry.url, and that the registry runs"
	}
	e.text = fmt.Sprintf(format, args...) + ": " + reason
	return e
}

// Subject names the subject of a schema in a topic; record is the full name of its record, "" for other schemas.
func (c *Client) Subject(topic, record string) (string, error) {
	switch {
	case c.strategy == "TopicNameStrategy":
		return topic + "-" + c.use, nil
	case record == "":
		return "", fmt.Errorf("%s.subject.name.strategy is %s, which names subjects after records, and the %s is none; use TopicNameStrategy", c.use, c.strategy, c.use)
	case c.strategy == "RecordNameStrategy":
		return record, nil
	}
	return topic + "-" + record, nil
}

// ID returns the id under which values of a schema are written, and the text of the schema of that id, which is another one with
// use.latest.version. It has a GUID if that is what is written.
func (c *Client) ID(subject, text string, format Format) (ID, string, error) {
	t := target{subject, text}
	if w, ok := c.ids[t]; ok {
		return w.id, w.text, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	schema := sr.Schema{Schema: text, Type: format}
	var found sr.SubjectSchema
	var err error
	switch {
	case c.latest:
		if found, err = c.client.SchemaByVersion(ctx, subject, -1); err != nil {
			return ID{}, "", failed(err, "the latest schema of subject %s cannot be read", subject)
		}
		if c.strict && found.Schema.Schema != text {
			result, err := c.client.CheckCompatibility(ctx, subject, found.Version, schema)
			if err != nil {
				return ID{}, "", failed(err, "the compatibility with the latest schema of subject %s cannot be checked", subject)
			}
			if !result.Is {
				return ID{}, "", fmt.Errorf("the schema of the %s is not compatible with the latest one of subject %s, version %d: change one of them, "+
					"or set use.latest.version=false", c.use, subject, found.Version)
			}
		}
		text = found.Schema.Schema
	case c.register:
		found.ID, err = c.client.RegisterSchema(ctx, subject, schema, -1, -1)
		if err != nil {
			return ID{}, "", failed(err, "the schema of the %s cannot be registered under subject %s", c.use, subject)
		}
	default:
		found, err = c.client.LookupSchema(ctx, subject, schema)
		if err != nil {
			return ID{}, "", failed(err, "the schema of the %s is not in the registry under subject %s, and auto.register.schemas is false", c.use, subject)
		}
	}
	id := ID{Number: found.ID}
	if c.header {
		if id.GUID, err = c.guid(ctx, subject, found, schema); err != nil {
			return ID{}, "", err
		}
	}
	if len(c.ids) >= c.limit {
		clear(c.ids)
	}
	c.ids[t] = written{id, text}
	return id, text, nil
}

// guid returns the GUID of a schema that was found, or was registered just now, of which the answer does not have it.
func (c *Client) guid(ctx context.Context, subject string, found sr.SubjectSchema, schema sr.Schema) (GUID, error) {
	if found.GUID == "" && c.register {
		var err error
		if found, err = c.client.LookupSchema(ctx, subject, schema); err != nil {
			return GUID{}, failed(err, "the GUID of the schema of the %s, subject %s, cannot be read", c.use, subject)
		}
	}
	g, err := parseGUID(found.GUID)
	if found.GUID == "" {
		err = errors.New("the registry gives it none (Confluent's does from version 8.0 on)")
	}
	if err != nil {
		return g, fmt.Errorf("the schema of the %s, subject %s, needs a GUID to be named in a header: %w; use such a registry, or set %s.schema.id.serializer=%sPrefixSchemaIdSerializer",
			c.use, subject, err, c.use, idPackage)
	}
	return g, nil
}

// Schema returns the schema of an id.
func (c *Client) Schema(id ID) (*Schema, error) {
	if s, ok := c.texts[id]; ok {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var found sr.Schema
	var err error
	if id.Number == 0 && id.GUID != (GUID{}) {
		var s sr.SubjectSchema
		s, err = c.client.SchemaByGUID(ctx, id.GUID.String())
		found = s.Schema
	} else {
		found, err = c.client.SchemaByID(ctx, id.Number)
	}
	if err != nil {
		return nil, failed(err, "schema %s, which the %s names, cannot be read", id, c.use)
	}
	s := &Schema{Text: found.Schema, Type: found.Type}
	if s.References, err = c.references(ctx, found.References, map[string]bool{}); err != nil {
		return nil, err
	}
	if len(c.texts) >= c.limit {
		clear(c.texts)
	}
	c.texts[id] = s
	return s, nil
}

// references reads what a schema refers to, depth first.
func (c *Client) references(ctx context.Context, refs []sr.SchemaReference, seen map[string]bool) ([]Reference, error) {
	var all []Reference
	for _, r := range refs {
		if seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		found, err := c.client.SchemaByVersion(ctx, r.Subject, r.Version)
		if err != nil {
			return nil, failed(err, "schema %s, version %d of subject %s, which another schema refers to, cannot be read", r.Name, r.Version, r.Subject)
		}
		inner, err := c.references(ctx, found.Schema.References, seen)
		if err != nil {
			return nil, err
		}
		all = append(append(all, inner...), Reference{Name: r.Name, Text: found.Schema.Schema})
	}
	return all, nil
}
