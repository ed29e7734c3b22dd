package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

// settingsOf reads keys and values in turn, beside an address.
func settingsOf(t testing.TB, keysAndValues ...string) (*settings, problems) {
	t.Helper()
	given := map[string]string{keyURL: "http://localhost:9200"}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		given[keysAndValues[i]] = keysAndValues[i+1]
	}
	v, err := sinkConfig().Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	return readSettings(v)
}

func TestContradictions(t *testing.T) {
	for name, c := range map[string]struct {
		given []string
		key   string // that the problem is with
		words string
	}{
		"kerberos":                  {[]string{keyKeytab, "/k"}, keyKeytab, "not supported"},
		"SSL and http":              {[]string{keyProtocol, "ssl"}, keyURL, "https://"},
		"no truststore":             {[]string{prefixConfluent + keyTruststore, "/no/such"}, prefixConfluent + keyTruststore, "cannot be read"},
		"Aiven's truststore":        {[]string{prefixAiven + keyTruststore, "/no/such"}, prefixAiven + keyTruststore, "cannot be read"},
		"two users":                 {[]string{keyUsername, "u", keyPassword, "p", keyAPIKey, "k"}, keyUsername, "exclude"},
		"upsert without ids":        {[]string{keyWriteMethod, valueUpsert, keyAutoIDs, "true"}, keyWriteMethod, "ids"},
		"header without versions":   {[]string{keyVersionHeader, "v", keyVersion, valueNone}, keyVersionHeader, keyVersion},
		"routing without a member":  {[]string{keyRouting, valueValue}, keyRoutingPath, "missing"},
		"routing by no pointer":     {[]string{keyRouting, valueValue, keyRoutingPath, "a.b"}, keyRoutingPath, "JSON Pointer"},
		"no pattern":                {[]string{keyIndex, "${when}"}, keyIndex, "not known"},
		"no pair":                   {[]string{keyTopicIndex, "a"}, keyTopicIndex, "TOPIC:NAME"},
		"a pair twice":              {[]string{keyTopicIndex, "a:b,a:c"}, keyTopicIndex, "twice"},
		"a bad name":                {[]string{keyTopicIndex, "a:B"}, keyTopicIndex, "upper case"},
		"resources without a kind":  {[]string{keyResources, "a:b"}, keyResourceUsage, "missing"},
		"a kind without resources":  {[]string{keyResourceUsage, usageIndex}, keyResources, "missing"},
		"too many resources":        {[]string{keyResourceUsage, usageIndex, keyResources, "a:b,c:d", keyMostResources, "1"}, keyResources, "more than"},
		"stream without a dataset":  {[]string{keyStreamType, streamLogs}, keyStreamDataset, "missing"},
		"dataset without a stream":  {[]string{keyStreamDataset, "d"}, keyStreamType, "missing"},
		"stream and upsert":         {[]string{keyStreamType, streamLogs, keyStreamDataset, "d", keyWriteMethod, valueUpsert}, keyWriteMethod, "insert"},
		"stream and deletion":       {[]string{keyStreamType, streamLogs, keyStreamDataset, "d", keyOnNull, valueDelete}, keyOnNull, "ignore"},
		"stream and resources":      {[]string{keyStreamType, streamLogs, keyStreamDataset, "d", keyResourceUsage, usageIndex, keyResources, "a:b"}, keyResourceUsage, "one of them"},
		"a time without a stream":   {[]string{keyStreamTime, "at"}, keyStreamTime, "data streams"},
		"a stream's name":           {[]string{keyStreamType, streamLogs, keyStreamDataset, "D"}, keyStreamDataset, "upper case"},
		"a time that is no path":    {[]string{keyStreamType, streamLogs, keyStreamDataset, "d", keyStreamTime, "a..b"}, keyStreamTime, "dots"},
		"encrypted key, no support": {[]string{prefixConfluent + keyChain, "x", prefixConfluent + keyPrivate, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"}, prefixConfluent + keyPrivate, "decrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := settingsOf(t, c.given...)
			if len(p) != 1 || p[0].key != c.key || !strings.Contains(p[0].err.Error(), c.words) || !strings.Contains(p.err().Error(), c.key) {
				t.Errorf("%v, expected is one with %s that says %s", p, c.key, c.words)
			}
		})
	}
}

// Confluent's and Aiven's words for the same.
func TestSpellings(t *testing.T) {
	for name, c := range map[string]struct {
		given []string
		check func(s *settings) bool
	}{
		"defaults": {nil, func(s *settings) bool {
			return s.writer.InFlight == 5 && s.writer.Documents == 2000 && s.writer.Bytes == 5<<20 && s.writer.Retries == 5 && s.versions && s.onNull == behaveDelete &&
				s.idFor("t") == idOfKey && s.create && s.schemas
		}},
		"Aiven's sizes": {[]string{keyBulkMaxDocs, "-1", keyBulkMaxSize, "1000", keyBulkRequests, "2"}, func(s *settings) bool {
			return s.writer.InFlight == 2 && s.writer.Documents == 0 && s.writer.Bytes == 1000 && s.client.Connections == 2
		}},
		"both":           {[]string{keyInFlight, "3", keyBulkRequests, "2"}, func(s *settings) bool { return s.writer.InFlight == 3 }},
		"no bound":       {[]string{keyBulkBytes, "-1"}, func(s *settings) bool { return s.writer.Bytes == 0 }},
		"Aiven's upsert": {[]string{keyIndexMethod, "Upsert"}, func(s *settings) bool { return s.upsert && !s.versions }},
		"docs":           {[]string{keyOnMalformedDoc, "WARN"}, func(s *settings) bool { return s.onMalformed == behaveWarn }},
		"key.ignore":     {[]string{keyIgnore, "true"}, func(s *settings) bool { return s.idFor("t") == idOfCoordinates }},
		"record.key":     {[]string{keyIgnore, "true", keyIgnoreStrategy, valueRecordKey}, func(s *settings) bool { return s.idFor("t") == idOfKey }},
		"some topics":    {[]string{keyIgnoreTopics, "a,b"}, func(s *settings) bool { return s.idFor("b") == idOfCoordinates && s.idFor("c") == idOfKey }},
		"data stream": {[]string{keyStreamType, "logs", keyStreamDataset, "d", keyStreamSpace, "n"}, func(s *settings) bool {
			return s.dataStream && s.pattern.String() == "logs-d-n" && !s.versions && s.idFor("t") == idOfCoordinates
		}},
		"Aiven's stream":   {[]string{keyStreamEnabled, "true", keyStreamPrefix, "p"}, func(s *settings) bool { return s.dataStream && s.pattern.String() == "p-${topic}" }},
		"existing streams": {[]string{keyResourceUsage, "datastream", keyResources, "a:b"}, func(s *settings) bool { return s.dataStream && s.external && s.names["a"] == "b" }},
		"a proxy":          {[]string{keyProxyHost, "p", keyProxyUsername, "u", keyProxyPassword, "x"}, func(s *settings) bool { return s.client.Proxy.String() == "http://u:x@p:8080" }},
		"type.name":        {[]string{keyTypeName, "_doc", keyLinger, "5", keyMaxBuffered, "7", keyFlushSync, "true"}, func(*settings) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := settingsOf(t, c.given...)
			if len(p) > 0 || !c.check(s) {
				t.Errorf("%v, %+v", p, s)
			}
		})
	}
}

// Validate connects, and says which key is wrong.
func TestLiveValidation(t *testing.T) {
	locked := searchtest.New(t, searchtest.Elasticsearch9)
	locked.Password("u", "p")
	gone := searchtest.New(t, searchtest.Elasticsearch9)
	gone.Close()
	p := sdktest.InProcess(t, plugin())
	for name, c := range map[string]struct {
		config map[string]string
		key    string
		words  string
	}{
		"fine":              {map[string]string{keyURL: locked.URL, keyUsername: "u", keyPassword: "p"}, "", ""},
		"wrong password":    {map[string]string{keyURL: locked.URL, keyUsername: "u", keyPassword: "secret"}, keyPassword, "does not accept the user"},
		"nobody":            {map[string]string{keyURL: locked.URL}, keyUsername, "who asks"},
		"not there":         {map[string]string{keyURL: gone.URL}, keyURL, "connection refused"},
		"too old":           {map[string]string{keyURL: searchtest.New(t, searchtest.Elasticsearch6).URL}, keyURL, "6.8.23"},
		"contradiction":     {map[string]string{keyURL: gone.URL, keyStreamDataset: "d"}, keyStreamType, "missing"},
		"of the wrong type": {map[string]string{keyURL: gone.URL, keyInFlight: "many"}, keyInFlight, "Invalid value many"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := p.Validate("OpenSearchSink", c.config)
			if err != nil {
				t.Fatal(err)
			}
			texts := found[c.key]
			if c.key == "" && len(found) > 0 || c.key != "" && (len(found) != 1 || len(texts) == 0 || !strings.Contains(texts[0], c.words)) {
				t.Errorf("%v", found)
			}
			for _, text := range texts {
				if strings.Contains(text, "secret") {
					t.Errorf("a secret is shown: %s", text)
				}
			}
		})
	}
}

// TestExamples holds the examples against the definitions.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("examples/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	known := append(append(config.Common(), config.Sink()...), sinkConfig()...)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var example struct {
				Name   string
				Config map[string]string
			}
			if err := json.Unmarshal(text, &example); err != nil || example.Name == "" {
				t.Fatal(err)
			}
			if _, err := sinkConfig().Parse(example.Config); err != nil {
				t.Error(err)
			}
			for key := range example.Config {
				if _, ok := known.Lookup(key); !ok && !strings.Contains(key, "converter.") {
					t.Errorf("nobody knows the key %s", key)
				}
			}
			delete(example.Config, prefixConfluent+keyTruststore) // a file of another machine
			v, err := sinkConfig().Parse(example.Config)
			if err != nil {
				t.Fatal(err)
			}
			if _, p := readSettings(v); len(p) > 0 {
				t.Error(p.err())
			}
		})
	}
}
