package registry

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/twmb/franz-go/pkg/sr"
)

// strategies are the subject name strategies by the end of their class names.
var strategies = []string{"TopicNameStrategy", "RecordNameStrategy", "TopicRecordNameStrategy"}

// idPackage is where Confluent's ways to write and read the id of a schema are.
const idPackage = "io.confluent.kafka.serializers.schema.id."

// The ways to write, and to read, the id of a schema, by the end of their class names. The first is the default.
var (
	idWriters = []string{"PrefixSchemaIdSerializer", "HeaderSchemaIdSerializer"}
	idReaders = []string{"DualSchemaIdDeserializer", "PrefixSchemaIdDeserializer"}
)

const strategyPackage = "io.confluent.kafka.serializers.subject."

// Definition returns the settings of a registry's client, which are those of Confluent's converters.
func Definition() config.Definition {
	flag := func(order int, name, value, doc string) config.Key {
		return config.Key{Name: name, Type: config.TypeBoolean, Default: config.Default(value), Importance: config.ImportanceMedium, Doc: doc,
			Group: "Schema Registry", Order: order, Width: config.WidthShort, DisplayName: name}
	}
	text := func(order int, name, doc string) config.Key {
		return config.Key{Name: name, Type: config.TypeString, Importance: config.ImportanceLow, Doc: doc,
			Group: "Schema Registry", Order: order, Width: config.WidthMedium, DisplayName: name}
	}
	secret := func(order int, name, doc string) config.Key {
		k := text(order, name, doc)
		k.Type = config.TypePassword
		return k
	}
	with := func(k config.Key, change func(*config.Key)) config.Key { change(&k); return k }
	strategy := func(order int, of string) config.Key {
		return with(text(order, of+".subject.name.strategy", "How the subject of a "+of+"'s schema is named: after the topic (TopicNameStrategy: <topic>-"+of+
			"), the record (RecordNameStrategy), or both (TopicRecordNameStrategy)."), func(k *config.Key) {
			k.Default = config.Default(strategyPackage + strategies[0])
			for _, s := range strategies {
				k.Recommended = append(k.Recommended, strategyPackage+s)
			}
		})
	}
	way := func(order int, name string, ways []string, doc string) config.Key {
		return with(text(order, name, doc), func(k *config.Key) {
			k.Default = config.Default(idPackage + ways[0])
			for _, w := range ways {
				k.Recommended = append(k.Recommended, idPackage+w)
			}
		})
	}
	const (
		idWriter = "Where records name the schema of their %s: in front of it, by its number in the registry (PrefixSchemaIdSerializer), or in the header __%s_schema_id, " +
			"by its GUID (HeaderSchemaIdSerializer), which leaves the %s as it is and needs a registry that knows GUIDs."
		idReader = "Where the schema of a %s is looked for: in the header __%s_schema_id if there is one, else in front of it (DualSchemaIdDeserializer), or only there (PrefixSchemaIdDeserializer)."
	)
	return config.Definition{
		{Name: "schema.registry.url", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
			Doc:   "Addresses of the schema registry, separated by commas, such as http://localhost:8081. They are tried in turn.",
			Group: "Schema Registry", Order: 1, Width: config.WidthLong, DisplayName: "Schema Registry URL"},
		flag(2, "auto.register.schemas", "true", "Whether a schema that is new to its subject is registered. With false it must be there."),
		flag(3, "use.latest.version", "false", "Whether records are written under the latest schema of the subject instead of their own. Needs auto.register.schemas=false."),
		flag(4, "latest.compatibility.strict", "true", "With use.latest.version: whether a schema that the latest one is not compatible with is an error."),
		flag(5, "normalize.schemas", "false", "Whether the registry brings schemas into a normal form first, so that ones that mean the same are the same."),
		strategy(6, "key"),
		strategy(7, "value"),
		with(text(8, "basic.auth.credentials.source", "Where user name and password are: URL (in schema.registry.url) or USER_INFO (in basic.auth.user.info)."),
			func(k *config.Key) {
				k.Default = config.Default("URL")
				k.Valid = []string{"URL", "USER_INFO"}
				k.IgnoreCase = true
			}),
		secret(9, "basic.auth.user.info", "User name and password, as user:password."),
		with(text(10, "bearer.auth.credentials.source", "Where the bearer token is: STATIC_TOKEN (in bearer.auth.token)."),
			func(k *config.Key) {
				k.Valid = []string{"", "STATIC_TOKEN"}
				k.Default = config.Default("")
				k.IgnoreCase = true
			}),
		secret(11, "bearer.auth.token", "A token for the Authorization header."),
		with(text(12, "schemas.cache.config", "How many schemas are remembered."), func(k *config.Key) {
			k.Type, k.Default, k.Min = config.TypeInt, config.Default("1000"), config.Limit(1)
		}),
		text(13, "schema.registry.ssl.truststore.location", "A file of certificates of authorities to trust instead of the system's: PEM, JKS or PKCS12."),
		text(14, "schema.registry.ssl.keystore.location", "A file of the client's certificate and private key: PEM, JKS or PKCS12."),
		secret(15, "schema.registry.ssl.key.password", "The password of the private key."),
		with(text(16, "schema.registry.ssl.endpoint.identification.algorithm", "https checks the registry's host name, blank does not."),
			func(k *config.Key) { k.Default = config.Default("https") }),
		text(17, "schema.registry.ssl.truststore.type", "PEM, JKS or PKCS12; what the file is shows in it."),
		text(18, "schema.registry.ssl.keystore.type", "PEM, JKS or PKCS12; what the file is shows in it."),
		secret(19, "schema.registry.ssl.truststore.password", "The password of the truststore. Not needed for PEM."),
		secret(20, "schema.registry.ssl.keystore.password", "The password of the keystore. Not needed for PEM."),
		secret(21, "schema.registry.ssl.truststore.certificates", "Certificates of authorities to trust, as PEM text."),
		way(22, "key.schema.id.serializer", idWriters, fmt.Sprintf(idWriter, "key", "key", "key")),
		way(23, "value.schema.id.serializer", idWriters, fmt.Sprintf(idWriter, "value", "value", "value")),
		way(24, "key.schema.id.deserializer", idReaders, fmt.Sprintf(idReader, "key", "key")),
		way(25, "value.schema.id.deserializer", idReaders, fmt.Sprintf(idReader, "value", "value")),
	}
}

// New returns the client that settings ask for; use is "key", "value" or "header". The error names the setting, without
// prefix.
func New(settings func(name string) string, use string) (*Client, error) {
	c := &Client{
		use: use, register: settings("auto.register.schemas") == "true", latest: settings("use.latest.version") == "true",
		strict: settings("latest.compatibility.strict") == "true", normalize: settings("normalize.schemas") == "true",
		ids: map[target]written{}, texts: map[ID]*Schema{},
	}
	c.limit, _ = strconv.Atoi(settings("schemas.cache.config"))
	if use == "header" {
		c.use = "value"
	}
	strategy := settings(c.use + ".subject.name.strategy")
	c.strategy = strings.TrimPrefix(strategy, strategyPackage)
	if !slices.Contains(strategies, c.strategy) {
		return nil, fmt.Errorf("%s.subject.name.strategy is %q: use one of %s", c.use, strategy, strings.Join(strategies, ", "))
	}
	writer, err := oneOf(settings, c.use+".schema.id.serializer", idWriters)
	if err != nil {
		return nil, err
	}
	reader, err := oneOf(settings, c.use+".schema.id.deserializer", idReaders)
	if err != nil {
		return nil, err
	}
	// The header of a record has no header of its own.
	c.header, c.dual = writer == idWriters[1] && use != "header", reader == idReaders[0] && use != "header"
	if c.latest && c.register {
		return nil, fmt.Errorf("use.latest.version is true and auto.register.schemas is not false: set it to false, or records would go under a schema of their own")
	}
	opts, err := access(settings)
	if err != nil {
		return nil, err
	}
	if c.normalize {
		opts = append(opts, sr.DefaultParams(sr.Normalize))
	}
	if c.client, err = sr.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("schema.registry.url: %w", err)
	}
	return c, nil
}

// oneOf returns the end of the class name that a setting has, which is one of ways.
func oneOf(settings func(string) string, name string, ways []string) (string, error) {
	value := settings(name)
	end := strings.TrimPrefix(value, idPackage)
	if !slices.Contains(ways, end) {
		return "", fmt.Errorf("%s is %q: use one of %s", name, value, strings.Join(ways, ", "))
	}
	return end, nil
}

// access reads where the registry is and how it is entered.
func access(settings func(string) string) ([]sr.ClientOpt, error) {
	opts := []sr.ClientOpt{sr.UserAgent("outboard")}
	var urls []string
	userInfo := settings("basic.auth.user.info")
	fromURL := strings.EqualFold(settings("basic.auth.credentials.source"), "URL")
	secure := false
	for text := range strings.SplitSeq(settings("schema.registry.url"), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("schema.registry.url has an address that is not like http://localhost:8081: separate addresses by commas")
		}
		secure = secure || u.Scheme == "https"
		if u.User != nil {
			if password, ok := u.User.Password(); ok && fromURL {
				userInfo = u.User.Username() + ":" + password
			}
			u.User = nil
		}
		urls = append(urls, strings.TrimSuffix(u.String(), "/"))
	}
	opts = append(opts, sr.URLs(urls...))
	if userInfo != "" {
		user, password, ok := strings.Cut(userInfo, ":")
		if !ok {
			return nil, fmt.Errorf("basic.auth.user.info has no colon: it takes user:password")
		}
		opts = append(opts, sr.BasicAuth(user, password))
	} else if strings.EqualFold(settings("basic.auth.credentials.source"), "USER_INFO") {
		return nil, fmt.Errorf("basic.auth.user.info is missing: basic.auth.credentials.source=USER_INFO takes user:password from there")
	}
	if token := settings("bearer.auth.token"); token != "" {
		opts = append(opts, sr.BearerToken(token))
	} else if settings("bearer.auth.credentials.source") != "" {
		return nil, fmt.Errorf("bearer.auth.token is missing: bearer.auth.credentials.source=STATIC_TOKEN takes it from there")
	}
	if secure {
		props := map[string]string{}
		for _, k := range Definition() {
			if name, ok := strings.CutPrefix(k.Name, "schema.registry.ssl."); ok && settings(k.Name) != "" {
				props["ssl."+name] = settings(k.Name)
			}
		}
		tls, err := kafka.ClientTLS(props)
		if err != nil {
			return nil, fmt.Errorf("schema.registry.%w", err)
		}
		opts = append(opts, sr.DialTLSConfig(tls))
	}
	return opts, nil
}
