package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

// config returns how to encrypt connections to a host, nil for not at all. The error is for good.
func (t tlsSettings) config(host string) (*tls.Config, error) {
	if t.mode == tlsDisabled {
		return nil, nil
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, CipherSuites: cipherSuites()}
	if t.truststore != "" {
		text, err := readPEM(keySSLTruststore, t.truststore, "keytool -importkeystore -srckeystore %s -destkeystore t.p12 -deststoretype pkcs12 && openssl pkcs12 -in t.p12 -nokeys -out ca.pem")
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, sdk.Fatal(fmt.Errorf("%s=%s: the file has no certificate in PEM form", keySSLTruststore, t.truststore))
		}
	}
	if t.keystore != "" {
		certificate, err := t.clientCertificate()
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	switch t.mode {
	case tlsPreferred:
		c.InsecureSkipVerify = true
		c.MinVersion = tls.VersionTLS10 // old encryption is better than the alternative, which is none
	case tlsRequired:
		c.InsecureSkipVerify = true
	case tlsVerifyCA:
		// The chain, but not the name: that is what the mode means.
		c.InsecureSkipVerify = true
		roots := c.RootCAs
		c.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
	}
	return c, nil
}

// cipherSuites adds to the usual ones those that servers built with old libraries offer as the only ones that Go has, too: MySQL until 8.0.16.
func cipherSuites() []uint16 {
	var ids []uint16
	for _, s := range tls.CipherSuites() {
		ids = append(ids, s.ID)
	}
	return append(ids, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA)
}

func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}

// isCertificateError tells that the server's certificate was not accepted.
func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &invalid) || errors.As(err, &name)
}

// clientCertificate reads certificate and key, both in the file of the key store.
func (t tlsSettings) clientCertificate() (tls.Certificate, error) {
	text, err := readPEM(keySSLKeystore, t.keystore, "keytool -importkeystore -srckeystore %s -destkeystore k.p12 -deststoretype pkcs12 && openssl pkcs12 -in k.p12 -nodes -out client.pem")
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := privateKey(text, t.keystorePassword)
	if err != nil {
		return tls.Certificate{}, sdk.Fatal(fmt.Errorf("%s=%s: %w", keySSLKeystore, t.keystore, err))
	}
	certificate, err := tls.X509KeyPair(text, key)
	if err != nil {
		return tls.Certificate{}, sdk.Fatal(fmt.Errorf("%s=%s: the file must have the client's certificate and its private key in PEM form: %w", keySSLKeystore, t.keystore, err))
	}
	return certificate, nil
}

// readPEM reads a file that an earlier connector had in a form of Java.
func readPEM(key, path, convert string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, sdk.Fatal(fmt.Errorf("%s=%s cannot be read: %w", key, path, errors.Unwrap(err)))
	}
	jks, pkcs12 := []byte{0xfe, 0xed, 0xfe, 0xed}, []byte{0x30, 0x82}
	if bytes.HasPrefix(text, jks) || bytes.HasPrefix(text, pkcs12) {
		return nil, sdk.Fatal(fmt.Errorf("%s=%s is a Java key store; convert it to PEM and name that file: "+convert, key, path, path))
	}
	return text, nil
}

// privateKey returns the private key of a PEM file, decrypted, again in PEM form.
func privateKey(text []byte, password string) ([]byte, error) {
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			return nil, errors.New("the file has no private key in PEM form")
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			if password == "" {
				return nil, fmt.Errorf("the private key is encrypted; set %s", keySSLKeystorePassword)
			}
			der, err := decryptPKCS8(block.Bytes, password)
			if err != nil {
				return nil, fmt.Errorf("the private key cannot be decrypted with %s: %w", keySSLKeystorePassword, err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
		case block.Headers["DEK-Info"] != "":
			return nil, errors.New("the private key is encrypted in a way that is not safe any more; convert it: openssl pkcs8 -topk8 -in KEY -out NEW")
		case bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")):
			return pem.EncodeToMemory(block), nil
		}
	}
}
