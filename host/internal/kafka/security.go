package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
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
		v.refuseClasses("sasl.client.callback.handler.class", "sasl.login.class")
		if mechanism, _ := v.text("sasl.mechanism"); !strings.EqualFold(mechanism, oauthMechanism) {
			v.refuseClasses("sasl.login.callback.handler.class")
		}
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
		v.problems = append(v.problems, fmt.Errorf("sasl.mechanism is missing, and Kafka's default, GSSAPI, is not supported: set it to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"))
		return nil
	case !slices.Contains([]string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", oauthMechanism}, mechanism):
		v.problem("sasl.mechanism", "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER; GSSAPI is not supported")
		return nil
	case !hasJaas && mechanism == oauthMechanism: // Kafka 4.1 has keys for all that it held
		return v.oauth(jaasLogin{})
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
	case oauthMechanism:
		return v.oauth(login)
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
	const passwordKey = "ssl.truststore.password"
	content, key := v.store("ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.certificates")
	if key == "" {
		return
	}
	password, _ := v.text(passwordKey)
	certificates, err := trustedCertificates(content, password)
	if err != nil {
		v.storeProblem(key, passwordKey, err)
		return
	}
	config.RootCAs = x509.NewCertPool()
	for _, certificate := range certificates {
		config.RootCAs.AddCert(certificate)
	}
}

// keystore reads the client's own certificate, if it has one.
func (v *values) keystore(config *tls.Config) {
	const passwordKey = "ssl.keystore.password"
	content, key := v.store("ssl.keystore.type", "ssl.keystore.location", "ssl.keystore.certificate.chain")
	inline, hasInline := v.text("ssl.keystore.key")
	var secret passwords
	secret.store, _ = v.text(passwordKey)
	secret.key, _ = v.text("ssl.key.password")
	var pair tls.Certificate
	var err error
	switch {
	case key == "" && hasInline:
		v.problems = append(v.problems, fmt.Errorf("ssl.keystore.certificate.chain is missing: ssl.keystore.key alone is no identity"))
		return
	case key == "":
		return
	case key == "ssl.keystore.certificate.chain" && !hasInline:
		v.problems = append(v.problems, fmt.Errorf("ssl.keystore.key is missing: it belongs to ssl.keystore.certificate.chain"))
		return
	case key == "ssl.keystore.certificate.chain":
		private, keyErr := pemPrivateKey(unfold(inline), secret.key)
		if keyErr != nil {
			v.problem("ssl.keystore.key", "%v", keyErr)
			return
		}
		pair, err = pemIdentity(string(content), private)
	default:
		pair, err = identityOf(content, secret)
	}
	if err != nil {
		v.storeProblem(key, passwordKey, err)
		return
	}
	config.Certificates = []tls.Certificate{pair}
}

// storeProblem says what is wrong with a store, or with its password.
func (v *values) storeProblem(key, passwordKey string, err error) {
	_, given := v.text(passwordKey)
	switch {
	case errors.Is(err, errStorePassword) && !given:
		v.problem(key, "the store is protected, set %s", passwordKey)
	case errors.Is(err, errStorePassword):
		v.problem(key, "%s is wrong", passwordKey)
	default:
		v.problem(key, "%v", err)
	}
}

// store returns the content of a store and the key that gave it, which is empty when there is none or a problem was reported. What kind of store
// a file is shows in its content; the type is checked and no more.
func (v *values) store(typeKey, locationKey, inlineKey string) (content []byte, key string) {
	choice(v, typeKey, true, map[string]bool{"PEM": true, "JKS": true, "PKCS12": true})
	location, hasLocation := v.text(locationKey)
	inline, hasInline := v.text(inlineKey)
	switch {
	case hasLocation && hasInline:
		v.problem(locationKey, "%s is set too; remove one of the two", inlineKey)
		return nil, ""
	case hasInline:
		return []byte(unfold(inline)), inlineKey
	case !hasLocation:
		return nil, ""
	}
	content, err := readStore(location)
	if err != nil {
		v.problem(locationKey, "the file cannot be read: %v", err)
		return nil, ""
	}
	return content, locationKey
}

// ClientTLS returns the TLS settings of a client that is not Kafka's, a schema registry's for instance, from properties with
// Kafka's names (ssl.truststore.location and so on). The error names what is wrong with which key.
func ClientTLS(props map[string]string) (*tls.Config, error) {
	v := &values{props: props}
	config := v.tls()
	return config, v.error()
}
