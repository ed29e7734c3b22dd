package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
)

// ServerTLS reads what a server speaks TLS with, from properties with the names that those of clients have: its own
// certificate from ssl.keystore.*, and with ssl.client.auth=required or requested the certificates that those of its clients
// must come from, from ssl.truststore.*. A server without a certificate is an error, and so is one that would not know whom
// to trust. Files are read now.
func ServerTLS(props map[string]string) (*tls.Config, error) {
	v := &values{props: props}
	v.refuseClasses("ssl.engine.factory.class")
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	v.tlsVersions(config)
	v.cipherSuites(config)
	v.keystore(config)
	if len(v.problems) == 0 && len(config.Certificates) == 0 {
		v.problems = append(v.problems, errors.New("ssl.keystore.location is missing: it holds the certificate and the private key of the server, in PEM, JKS or PKCS12"))
	}
	v.clientAuth(config)
	return config, v.error()
}

// clientAuth reads whether clients must show who they are.
func (v *values) clientAuth(config *tls.Config) {
	const key = "ssl.client.auth"
	mode, given := choice(v, key, true, map[string]tls.ClientAuthType{
		"none": tls.NoClientCert, "requested": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert,
	})
	if !given || mode == tls.NoClientCert {
		return
	}
	v.truststore(config)
	config.ClientAuth, config.ClientCAs, config.RootCAs = mode, config.RootCAs, nil
	if config.ClientCAs == nil && len(v.problems) == 0 {
		v.problems = append(v.problems, fmt.Errorf("ssl.truststore.location is missing: with %s=%s it holds the certificates that those of clients must come from, in PEM, JKS or PKCS12",
			key, strings.ToLower(v.props[key])))
	}
}
