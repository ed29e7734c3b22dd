package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security reads who the client is and how it talks to the brokers.
func (v *values) security(c *Config) {
	type layers struct{ tls, sasl bool }
	protocol, _ := choice(v, "security.protocol", true, map[string]layers{
		"PLAINTEXT": {}, "SSL": {tls: true}, "SASL_PLAINTEXT": {sasl: true}, "SASL_SSL": {tls: true, sasl: true},
	})
	// As in Java, settings of a layer that is not used are not looked at: in a worker's file ssl.* may be about its REST API.
	if protocol.tls {
		v.refuseClasses("ssl.engine.factory.class")
		if config := v.tls(); config != nil {
			c.add(kgo.DialTLSConfig(config))
		}
	}
	if protocol.sasl {
		v.refuseClasses("sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class")
		if mechanism := v.sasl(); mechanism != nil {
			c.add(kgo.SASL(mechanism))
		}
	}
}

// refuseClasses reports keys whose value is a class of the user's: what it would do cannot be guessed.
func (v *values) refuseClasses(keys ...string) {
	for _, key := range keys {
		if _, given := v.text(key); given {
			v.problem(key, "%s; remove the key", javaClass)
		}
	}
}

// sasl reads mechanism and credentials.
func (v *values) sasl() sasl.Mechanism {
	mechanism, given := v.text("sasl.mechanism")
	jaas, hasJaas := v.text("sasl.jaas.config")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case !given:
		v.problems = append(v.problems, fmt.Errorf("sasl.mechanism is missing, and Kafka's default, GSSAPI, is not supported: set it to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"))
		return nil
	case mechanism != "PLAIN" && mechanism != "SCRAM-SHA-256" && mechanism != "SCRAM-SHA-512":
		v.problem("sasl.mechanism", "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; GSSAPI and OAUTHBEARER are not supported")
		return nil
	case !hasJaas:
		v.problems = append(v.problems, fmt.Errorf("sasl.jaas.config is missing: with sasl.mechanism=%s it holds the user name and the password", mechanism))
		return nil
	}
	login, err := parseJaas(jaas)
	if err != nil {
		v.problem("sasl.jaas.config", "%v", err)
		return nil
	}
	if !slices.Contains(login.mechanisms, mechanism) {
		v.problem("sasl.jaas.config", "its login module is for %s, and sasl.mechanism is %s", strings.Join(login.mechanisms, " and "), mechanism)
		return nil
	}
	switch mechanism {
	case "SCRAM-SHA-256":
		return scram.Auth{User: login.username, Pass: login.password, IsToken: login.token}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: login.username, Pass: login.password, IsToken: login.token}.AsSha512Mechanism()
	default:
		return plain.Auth{User: login.username, Pass: login.password}.AsMechanism()
	}
}

// tls reads the TLS settings, nil after a problem.
func (v *values) tls() *tls.Config {
	problems := len(v.problems)
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	v.tlsVersions(config)
	v.cipherSuites(config)
	v.truststore(config)
	v.keystore(config)
	algorithm, given := v.text("ssl.endpoint.identification.algorithm")
	_, set := v.props["ssl.endpoint.identification.algorithm"]
	switch {
	case set && !given: // blank means something here: any host name will do
		verifyChainOnly(config)
	case given && !strings.EqualFold(algorithm, "https"):
		v.problem("ssl.endpoint.identification.algorithm", "must be https, or blank for brokers whose certificates do not name their hosts")
	}
	if len(v.problems) > problems {
		return nil
	}
	return config
}

// verifyChainOnly accepts a trusted certificate of any host.
func verifyChainOnly(config *tls.Config) {
	roots := config.RootCAs
	config.InsecureSkipVerify = true // VerifyConnection does it, apart from the name
	config.VerifyConnection = func(state tls.ConnectionState) error {
		intermediates := x509.NewCertPool()
		for _, cert := range state.PeerCertificates[1:] {
			intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		return err
	}
}

func (v *values) tlsVersions(config *tls.Config) {
	const key = "ssl.enabled.protocols"
	known := map[string]uint16{"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	var versions []uint16
	for _, word := range v.list(key) {
		version, ok := known[word]
		if !ok {
			v.problem(key, "%q is none of %s", word, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		versions = append(versions, version)
	}
	if len(versions) > 0 {
		config.MinVersion, config.MaxVersion = slices.Min(versions), slices.Max(versions)
	}
}

func (v *values) cipherSuites(config *tls.Config) {
	const key = "ssl.cipher.suites"
	known := map[string]uint16{}
	for _, suite := range tls.CipherSuites() {
		known[suite.Name] = suite.ID
	}
	for _, word := range v.list(key) {
		id, ok := known[word]
		if !ok {
			v.problem(key, "%q is not among the suites that are considered secure: %s", word, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		config.CipherSuites = append(config.CipherSuites, id) // those of TLS 1.3 are always on
	}
}

// truststore reads whose certificates are trusted; without any it is the system's.
func (v *values) truststore(config *tls.Config) {
	content, key := v.store("ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.certificates")
	if key == "" {
		return
	}
	pool := x509.NewCertPool()
	certificates, err := pemCertificates(content)
	if err != nil {
		v.problem(key, "%v", err)
		return
	}
	for _, der := range certificates {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			v.problem(key, "%v", err)
			return
		}
		pool.AddCert(cert)
	}
	config.RootCAs = pool
}

// keystore reads the client's own certificate, if it has one.
func (v *values) keystore(config *tls.Config) {
	chain, key := v.store("ssl.keystore.type", "ssl.keystore.location", "ssl.keystore.certificate.chain")
	inline, hasInline := v.text("ssl.keystore.key")
	password, _ := v.text("ssl.key.password")
	switch {
	case key == "" && hasInline:
		v.problems = append(v.problems, fmt.Errorf("ssl.keystore.certificate.chain is missing: ssl.keystore.key alone is no identity"))
		return
	case key == "":
		return
	}
	keyText, keyKey := chain, key // a file holds both
	if key == "ssl.keystore.certificate.chain" {
		if !hasInline {
			v.problems = append(v.problems, fmt.Errorf("ssl.keystore.key is missing: it belongs to ssl.keystore.certificate.chain"))
			return
		}
		keyText, keyKey = unfold(inline), "ssl.keystore.key"
	}
	certificates, err := pemCertificates(chain)
	if err != nil {
		v.problem(key, "%v", err)
		return
	}
	private, err := pemPrivateKey(keyText, password)
	if err != nil {
		v.problem(keyKey, "%v", err)
		return
	}
	pair := tls.Certificate{Certificate: certificates, PrivateKey: private}
	if err := matching(pair); err != nil {
		v.problem(key, "%v", err)
		return
	}
	config.Certificates = []tls.Certificate{pair}
}

// store returns the PEM text of a store and the key that gave it, which is empty when there is none or a problem was reported.
func (v *values) store(typeKey, locationKey, inlineKey string) (content, key string) {
	kind, _ := choice(v, typeKey, true, map[string]string{"PEM": "PEM", "JKS": "JKS", "PKCS12": "PKCS12"})
	location, hasLocation := v.text(locationKey)
	inline, hasInline := v.text(inlineKey)
	switch {
	case hasLocation && hasInline:
		v.problem(locationKey, "%s is set too; remove one of the two", inlineKey)
		return "", ""
	case hasInline:
		return unfold(inline), inlineKey
	case !hasLocation:
		return "", ""
	}
	file, err := os.ReadFile(location)
	if err != nil {
		v.problem(locationKey, "the file cannot be read: %v", err)
		return "", ""
	}
	// JKS is Java's default type: a file tells better what it is.
	if strings.Contains(string(file), "-----BEGIN ") {
		return string(file), locationKey
	}
	if kind == "" || kind == "PEM" {
		kind = storeType(file)
	}
	v.problem(locationKey, "%s", conversion(kind, location, strings.Contains(locationKey, "trust")))
	return "", ""
}

// storeType tells what a file that is not PEM is by its first bytes.
func storeType(file []byte) string {
	switch {
	case strings.HasPrefix(string(file), "\xfe\xed\xfe\xed"):
		return "JKS"
	case len(file) > 2 && file[0] == 0x30:
		return "PKCS12"
	}
	return ""
}

// conversion says how to make a PEM file of a store.
func conversion(kind, location string, trust bool) string {
	pkcs12, prefix := location, ""
	switch kind {
	case "JKS":
		pkcs12 = "store.p12"
		prefix = fmt.Sprintf("keytool -importkeystore -srckeystore %s -destkeystore store.p12 -deststoretype PKCS12, then ", location)
	case "PKCS12":
	default:
		return "the file holds no PEM text (-----BEGIN …)"
	}
	what := "-out store.pem"
	if trust {
		what = "-nokeys -out store.pem"
	}
	return fmt.Sprintf("a %s store is not read; convert it: %sopenssl pkcs12 -in %s %s, and set the location to store.pem and the type to PEM", kind, prefix, pkcs12, what)
}

// ClientTLS returns the TLS settings of a client that is not Kafka's, a schema registry's for instance, from properties with
// Kafka's names (ssl.truststore.location and so on). The error names what is wrong with which key.
func ClientTLS(props map[string]string) (*tls.Config, error) {
	v := &values{props: props}
	config := v.tls()
	return config, v.error()
}
