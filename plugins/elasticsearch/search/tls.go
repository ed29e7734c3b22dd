package search

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// TLS says whom to trust and who the client is, with Kafka's words for it.
type TLS struct {
	// Prefix is what stands before ssl. in the names of the keys, for messages.
	Prefix string
	// TruststoreLocation is a PEM file, Truststore PEM itself; both empty: the system's authorities.
	TruststoreLocation, Truststore string
	// KeystoreLocation is a PEM file with the client's certificates and its key;
	// or Chain and Key are PEM themselves.
	KeystoreLocation, Chain, Key string
	// AnyHost accepts a trusted certificate of another host.
	AnyHost bool
	// AnyCertificate accepts every certificate: anybody on the way can read and change everything.
	AnyCertificate bool
	// Protocols are among TLSv1.2 and TLSv1.3; empty: both.
	Protocols []string
}

// Config returns what crypto/tls needs. The error names the key, and shows nothing of the files.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, f := range []func(*tls.Config) error{t.versions, t.trust, t.identity} {
		if err := f(c); err != nil {
			return nil, err
		}
	}
	switch {
	case t.AnyCertificate:
		c.InsecureSkipVerify = true
	case t.AnyHost:
		verifyChainOnly(c)
	}
	return c, nil
}

func (t TLS) key(name string) string { return t.Prefix + "ssl." + name }

func (t TLS) versions(c *tls.Config) error {
	known := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	var versions []uint16
	for _, p := range t.Protocols {
		v, ok := known[p]
		if !ok {
			return keyErrorf(t.key("enabled.protocols"), "%s has %q: there are TLSv1.2 and TLSv1.3", t.key("enabled.protocols"), p)
		}
		versions = append(versions, v)
	}
	if len(versions) > 0 {
		c.MinVersion, c.MaxVersion = slices.Min(versions), slices.Max(versions)
	}
	return nil
}

func (t TLS) trust(c *tls.Config) error {
	text, key, err := t.content(t.TruststoreLocation, "truststore.location", t.Truststore, "truststore.certificates")
	if err != nil || key == "" {
		return err
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return keyErrorf(key, "%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", key)
	}
	return nil
}

func (t TLS) identity(c *tls.Config) error {
	chain, chainKey, err := t.content(t.KeystoreLocation, "keystore.location", t.Chain, "keystore.certificate.chain")
	if err != nil {
		return err
	}
	private, privateKey := chain, chainKey // a file holds both
	switch {
	case chainKey == "" && t.Key == "":
		return nil
	case chainKey == "":
		return keyErrorf(t.key("keystore.certificate.chain"), "%s is missing: %s alone is no identity", t.key("keystore.certificate.chain"), t.key("keystore.key"))
	case t.Chain != "" && t.Key == "":
		return keyErrorf(t.key("keystore.key"), "%s is missing: it belongs to %s", t.key("keystore.key"), chainKey)
	case t.Key != "":
		private, privateKey = unfold(t.Key), t.key("keystore.key")
	}
	for rest := private; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return keyErrorf(privateKey, "%s: the private key is encrypted, which is not supported: decrypt it (openssl pkey -in encrypted.pem -out key.pem) and let only the worker's user read the file", privateKey)
		}
	}
	pair, err := tls.X509KeyPair(chain, private)
	if err != nil {
		return keyErrorf(chainKey, "%s is no certificate with its private key in PEM: %s", chainKey, strings.TrimPrefix(err.Error(), "tls: "))
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// content returns PEM and the key that gave it, which is empty when none is given.
func (t TLS) content(location, locationName, inline, inlineName string) (text []byte, key string, err error) {
	switch {
	case location != "" && inline != "":
		return nil, "", keyErrorf(t.key(locationName), "%s and %s exclude each other: give one", t.key(locationName), t.key(inlineName))
	case inline != "":
		return unfold(inline), t.key(inlineName), nil
	case location == "":
		return nil, "", nil
	}
	key = t.key(locationName)
	file, err := os.ReadFile(location)
	switch {
	case err != nil:
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, key, keyErrorf(key, "%s=%s: the file cannot be read: %w", key, location, err)
	case !strings.Contains(string(file), "-----BEGIN "):
		return nil, key, keyErrorf(key, "%s=%s: the file holds no PEM. Of a PKCS12 store make it by openssl pkcs12 -in %s -nodes -out store.pem; "+
			"a JKS store becomes PKCS12 by keytool -importkeystore -srckeystore %s -destkeystore store.p12 -deststoretype PKCS12", key, location, location, location)
	}
	return file, key, nil
}

// unfold restores the line breaks of PEM that was put on one line: with \n, or with blanks.
func unfold(text string) []byte {
	text = strings.ReplaceAll(text, `\n`, "\n")
	if strings.Count(text, "\n") > 2 {
		return []byte(text)
	}
	var b strings.Builder
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "-----BEGIN ")
		label, after, labelled := strings.Cut(after, "-----")
		body, behind, closed := strings.Cut(after, "-----END "+label+"-----")
		if !found || !labelled || !closed {
			return []byte(b.String())
		}
		fmt.Fprintf(&b, "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, strings.Join(strings.Fields(body), "\n"), label)
		rest = behind
	}
}

// verifyChainOnly accepts a trusted certificate of any host.
func verifyChainOnly(c *tls.Config) {
	roots := c.RootCAs
	c.InsecureSkipVerify = true // VerifyConnection does it, apart from the name
	c.VerifyConnection = func(state tls.ConnectionState) error {
		intermediates := x509.NewCertPool()
		for _, cert := range state.PeerCertificates[1:] {
			intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		return err
	}
}
