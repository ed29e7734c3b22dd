package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/bulk"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/document"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
)

// idSource is what ids are made of.
type idSource uint8

const (
	idOfKey idSource = iota
	idOfCoordinates
	idOfServer
)

// behavior is what is done with a record that has no document.
type behavior uint8

const (
	behaveReport behavior = iota
	behaveWarn
	behaveIgnore
	behaveDelete
)

// settings are a configuration that makes sense.
type settings struct {
	client search.Config
	writer bulk.Settings

	id, ignoredID  idSource // for topics with and without keys
	ignoreKeys     map[string]bool
	upsert         bool
	versions       bool
	epoch          int64
	versionHeader  string
	onConflict     behavior
	onNull         behavior
	onMalformed    behavior
	dropInvalid    bool
	envelope       document.Envelope
	compactMaps    bool
	valueField     string
	routeByKey     bool
	routePath      document.Path // nil: not by the value
	pattern        *document.Pattern
	names          map[string]string // of resources, by topic
	external       bool              // resources exist, and there is one for each topic
	create         bool
	schemas        bool
	ignoreSchemas  map[string]bool
	dataStream     bool
	template       string // of data streams, empty: the data stream's name
	timestampPaths []document.Path
	values         bool // reasons may show values
}

// problem is what is wrong with a key.
type problem struct {
	key string
	err error
}

// problems are what is wrong with a configuration.
type problems []problem

func (p *problems) add(key string, format string, args ...any) {
	*p = append(*p, problem{key, fmt.Errorf(format, args...)})
}

// err joins all, nil for none.
func (p problems) err() error {
	var errs []error
	for _, one := range p {
		errs = append(errs, one.err)
	}
	return errors.Join(errs...)
}

// readSettings reads a configuration that the definition has found nothing wrong with.
func readSettings(v config.Values) (*settings, problems) {
	s := &settings{
		upsert:        strings.EqualFold(first(v, keyWriteMethod, keyIndexMethod), valueUpsert),
		epoch:         v.Int64(keyEpoch),
		versionHeader: v.String(keyVersionHeader),
		ignoreKeys:    set(v.List(keyIgnoreTopics)),
		onConflict:    behaviorOf(v.String(keyOnConflict)),
		onNull:        behaviorOf(v.String(keyOnNull)),
		onMalformed:   behaviorOf(first(v, keyOnMalformed, keyOnMalformedDoc)),
		dropInvalid:   v.Bool(keyDropInvalid),
		envelope:      map[string]document.Envelope{valueAuto: document.Auto, valueNone: document.None, valueDebezium: document.Debezium}[v.String(keyEnvelope)],
		compactMaps:   v.Bool(keyCompactMaps),
		valueField:    v.String(keyValueField),
		routeByKey:    v.String(keyRouting) == valueKey,
		create:        v.Bool(keyCreate),
		schemas:       !v.Bool(keySchemaIgnore),
		ignoreSchemas: set(v.List(keySchemaTopics)),
		template:      v.String(keyStreamTemplate),
		values:        v.Bool(keySensitive),
	}
	var p problems
	s.readConnection(v, &p)
	s.readRequests(v)
	s.readIDs(v, &p)
	s.readRouting(v, &p)
	s.readTarget(v, &p)
	s.readExternal(v, &p)
	s.readStreams(v, &p)
	return s, p
}

// first returns the value of the key that is given, the first one if none is.
func first(v config.Values, keys ...string) string {
	for _, k := range keys {
		if v.Has(k) {
			return v.String(k)
		}
	}
	return v.String(keys[0])
}

// firstInt is first for numbers.
func firstInt(v config.Values, keys ...string) int {
	for _, k := range keys {
		if v.Has(k) {
			return v.Int(k)
		}
	}
	return v.Int(keys[0])
}

func set(list []string) map[string]bool {
	m := map[string]bool{}
	for _, e := range list {
		m[e] = true
	}
	return m
}

func behaviorOf(word string) behavior {
	switch word {
	case valueIgnore:
		return behaveIgnore
	case valueWarn:
		return behaveWarn
	case valueDelete:
		return behaveDelete
	}
	return behaveReport
}

func (s *settings) readConnection(v config.Values, p *problems) {
	s.client = search.Config{
		URLs: v.List(keyURL), Username: v.String(keyUsername), Password: v.String(keyPassword),
		APIKey: v.String(keyAPIKey), Token: v.String(keyToken),
		ConnectTimeout: v.Duration(keyConnectTimeout), RequestTimeout: v.Duration(keyReadTimeout), IdleTimeout: v.Duration(keyIdleTime),
		Compress: v.Bool(keyCompression),
	}
	if host := v.String(keyProxyHost); host != "" {
		s.client.Proxy = &url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(v.Int(keyProxyPort)))}
		if user := v.String(keyProxyUsername); user != "" {
			s.client.Proxy.User = url.UserPassword(user, v.String(keyProxyPassword))
		}
	}
	for _, key := range []string{keyPrincipal, keyKeytab} {
		if v.String(key) != "" {
			p.add(key, "%s: Kerberos is not supported, there is no library for it that is kept up: use connection.username, connection.api.key, connection.bearer.token or a client certificate", key)
		}
	}
	if v.String(keyProtocol) == protocolTLS {
		for _, u := range s.client.URLs {
			if !strings.HasPrefix(strings.ToLower(u), "https://") {
				p.add(keyURL, "%s=SSL demands addresses that begin with https://: change connection.url", keyProtocol)
				break
			}
		}
	}
	var err error
	if s.client.TLS, err = readTLS(v); err != nil {
		p.add(search.KeyOf(err), "%w", err)
	}
	if _, err := search.New(s.client); err != nil {
		p.add(search.KeyOf(err), "%w", err)
	}
}

// readTLS reads the keys of either prefix.
func readTLS(v config.Values) (*tls.Config, error) {
	prefix := prefixConfluent
	for _, name := range []string{keyTruststore, keyTrustPEM, keyKeystore, keyChain, keyPrivate, keyEndpoint, keyTLSVersions, keyKeyPassword} {
		if v.Has(prefixAiven+name) && !v.Has(prefixConfluent+name) {
			prefix = prefixAiven
		}
	}
	return search.TLS{
		Prefix:             prefix,
		TruststoreLocation: v.String(prefix + keyTruststore),
		Truststore:         v.String(prefix + keyTrustPEM),
		KeystoreLocation:   v.String(prefix + keyKeystore),
		Chain:              v.String(prefix + keyChain),
		Key:                v.String(prefix + keyPrivate),
		AnyHost:            v.String(prefix+keyEndpoint) == "",
		AnyCertificate:     v.Bool(keyTrustAll),
		Protocols:          v.List(prefix + keyTLSVersions),
	}.Config()
}

func (s *settings) readRequests(v config.Values) {
	s.writer = bulk.Settings{
		InFlight:  firstInt(v, keyInFlight, keyBulkRequests),
		Documents: max(0, firstInt(v, keyBatchSize, keyBulkMaxDocs)),
		Bytes:     max(0, firstInt(v, keyBulkBytes, keyBulkMaxSize)),
		Retries:   v.Int(keyRetries),
		Backoff:   v.Duration(keyBackoff),
		Patience:  v.Duration(keyFlushTimeout),
		Values:    s.values,
	}
	s.client.Connections = s.writer.InFlight
}

func (s *settings) readIDs(v config.Values, p *problems) {
	s.ignoredID = map[string]idSource{valueCoordinates: idOfCoordinates, valueNone: idOfServer, valueRecordKey: idOfKey}[v.String(keyIgnoreStrategy)]
	if v.Bool(keyIgnore) {
		s.id = s.ignoredID
	}
	if v.Bool(keyAutoIDs) {
		s.id, s.ignoredID = idOfServer, idOfServer
	}
	if s.upsert && (s.id == idOfServer || len(s.ignoreKeys) > 0 && s.ignoredID == idOfServer) {
		p.add(keyWriteMethod, "%s=upsert changes documents by their ids, so the server cannot make the ids: set %s=false and %s=%s", keyWriteMethod, keyAutoIDs, keyIgnoreStrategy, valueCoordinates)
	}
	s.versions = !s.upsert && v.String(keyVersion) == valueOffset
	if s.versionHeader != "" && !s.versions {
		p.add(keyVersionHeader, "%s=%s needs %s=%s and %s=%s", keyVersionHeader, s.versionHeader, keyVersion, valueOffset, keyWriteMethod, valueInsert)
	}
}

func (s *settings) readRouting(v config.Values, p *problems) {
	text := v.String(keyRoutingPath)
	switch {
	case v.String(keyRouting) != valueValue:
		return
	case text == "":
		p.add(keyRoutingPath, "%s is missing: with %s=%s it names the member of the document, as in /customer/id", keyRoutingPath, keyRouting, valueValue)
		return
	}
	var err error
	if s.routePath, err = document.PointerPath(text); err != nil {
		p.add(keyRoutingPath, "%s: %w", keyRoutingPath, err)
	}
}

// readTarget reads where documents go.
func (s *settings) readTarget(v config.Values, p *problems) {
	var err error
	if s.pattern, err = document.ParsePattern(v.String(keyIndex)); err != nil {
		p.add(keyIndex, "%s=%s: %w", keyIndex, v.String(keyIndex), err)
	}
	s.names = s.readPairs(v, keyTopicIndex, p)
}

// readPairs reads a list of topic:name.
func (s *settings) readPairs(v config.Values, key string, p *problems) map[string]string {
	pairs := map[string]string{}
	for _, pair := range v.List(key) {
		topic, name, ok := strings.Cut(pair, ":")
		switch _, twice := pairs[topic]; {
		case !ok || topic == "" || name == "":
			p.add(key, "%s has %q: each element is TOPIC:NAME", key, pair)
		case twice:
			p.add(key, "%s has topic %s twice: each topic has one name", key, topic)
		default:
			if err := document.CheckIndex(name); err != nil {
				p.add(key, "%s has %q, whose name %w", key, pair, err)
			}
			pairs[topic] = name
		}
	}
	return pairs
}

func (s *settings) readExternal(v config.Values, p *problems) {
	usage, given := v.String(keyResourceUsage), len(v.List(keyResources)) > 0
	switch {
	case usage == usageDisabled && given:
		p.add(keyResourceUsage, "%s is missing: with %s it says what the names are: %s", keyResourceUsage, keyResources, strings.Join([]string{usageIndex, usageDataStream, usageAlias, usageAliasStream}, ", "))
	case usage != usageDisabled && !given:
		p.add(keyResources, "%s is missing: with %s=%s it names the resource of each topic", keyResources, keyResourceUsage, usage)
	}
	if n := len(v.List(keyResources)); n > v.Int(keyMostResources) {
		p.add(keyResources, "%s has %d elements, more than %s=%d", keyResources, n, keyMostResources, v.Int(keyMostResources))
	}
	if usage == usageDisabled || !given {
		return
	}
	s.external = true
	s.names = s.readPairs(v, keyResources, p)
	s.dataStream = usage == usageDataStream || usage == usageAliasStream
}

func (s *settings) readStreams(v config.Values, p *problems) {
	kind, dataset := strings.ToLower(v.String(keyStreamType)), v.String(keyStreamDataset)
	typed := kind != strings.ToLower(streamNone)
	switch {
	case typed && dataset == "":
		p.add(keyStreamDataset, "%s is missing: with %s=%s it is the second part of the data stream's name", keyStreamDataset, keyStreamType, v.String(keyStreamType))
		return
	case !typed && dataset != "":
		p.add(keyStreamType, "%s is missing: with %s it is the first part of the data stream's name: %s or %s", keyStreamType, keyStreamDataset, streamLogs, streamMetrics)
		return
	case s.external && (typed || v.Bool(keyStreamEnabled)):
		p.add(keyResourceUsage, "%s names what exists, and %s and %s what is to be made: give one of them", keyResourceUsage, keyStreamType, keyStreamEnabled)
		return
	case typed:
		s.streamName(keyStreamDataset, kind+"-"+dataset+"-"+v.String(keyStreamSpace), p)
	case v.Bool(keyStreamEnabled) && v.String(keyStreamPrefix) != "":
		s.streamName(keyStreamPrefix, v.String(keyStreamPrefix)+"-${topic}", p)
	}
	s.dataStream = s.dataStream || typed || v.Bool(keyStreamEnabled)
	for _, name := range v.List(keyStreamTime) {
		path, err := document.DotPath(name)
		if err != nil {
			p.add(keyStreamTime, "%s: %w", keyStreamTime, err)
		}
		s.timestampPaths = append(s.timestampPaths, path)
	}
	if !s.dataStream {
		if len(s.timestampPaths) > 0 {
			p.add(keyStreamTime, "%s is for data streams: set %s and %s, or remove it", keyStreamTime, keyStreamType, keyStreamDataset)
		}
		return
	}
	s.versions = false
	if s.upsert {
		p.add(keyWriteMethod, "%s=upsert is not possible with data streams, which only take new documents: set it to insert", keyWriteMethod)
	}
	if s.onNull == behaveDelete && v.Has(keyOnNull) {
		p.add(keyOnNull, "%s=delete is not possible with data streams, which only take new documents: set it to ignore or fail", keyOnNull)
	}
	if s.id == idOfKey {
		s.id = idOfCoordinates
	}
	if s.ignoredID == idOfKey {
		s.ignoredID = idOfCoordinates
	}
}

// streamName makes the pattern of a data stream's name. The data stream's own timestamp field is named with dots.
func (s *settings) streamName(key, text string, p *problems) {
	var err error
	if s.pattern, err = document.ParsePattern(text); err != nil {
		p.add(key, "%s: the data stream's name would be %s: %w", key, text, err)
	}
}

// idFor returns what the ids of a topic's documents are made of.
func (s *settings) idFor(topic string) idSource {
	if s.ignoreKeys[topic] {
		return s.ignoredID
	}
	return s.id
}
