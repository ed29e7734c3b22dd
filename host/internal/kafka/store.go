package kafka

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// maxStore bounds the file of a store, in bytes: a connector's configuration may name any file.
const maxStore = 16 << 20

// storeKind is how keys and certificates are kept.
type storeKind uint8

const (
	unknownStore storeKind = iota
	pemStore
	jksStore
	jceksStore
	pkcs12Store
)

// kindOf tells by the first bytes what a store is. It is a better witness than ssl.keystore.type, which is JKS when it is not given.
func kindOf(content []byte) storeKind {
	switch {
	case bytes.Contains(content, []byte("-----BEGIN ")):
		return pemStore
	case bytes.HasPrefix(content, []byte(jksMagic)):
		return jksStore
	case bytes.HasPrefix(content, []byte("\xce\xce\xce\xce")):
		return jceksStore
	case len(content) > 2 && content[0] == 0x30: // an ASN.1 sequence
		return pkcs12Store
	}
	return unknownStore
}

var (
	errNoStore = errors.New("the file is no store: it is neither PEM (-----BEGIN …) nor JKS nor PKCS12")
	errJCEKS   = errors.New("a JCEKS store is not read; convert it: keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore store.p12 -deststoretype PKCS12")
	// errStorePassword means that a password is wrong, or missing; the caller knows its key.
	errStorePassword = errors.New("the password of the store is wrong")
)

// readStore reads the file of a store.
func readStore(location string) ([]byte, error) {
	file, err := os.Open(location)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxStore+1))
	if err == nil && len(content) > maxStore {
		err = fmt.Errorf("it has more than %d bytes", maxStore)
	}
	return content, err
}

// trustedCertificates returns the certificates that a store is there to have trusted, at least one: its trusted entries and the certificates of
// its keys, as Java's. Of a PKCS12 store with a key it is all, since its entries do not tell.
func trustedCertificates(content []byte, password string) ([]*x509.Certificate, error) {
	var ders [][]byte
	switch kindOf(content) {
	case pemStore:
		var err error
		if ders, err = pemCertificates(string(content)); err != nil {
			return nil, err
		}
	case jksStore:
		store, err := readJKS(content, password)
		if err != nil {
			return nil, err
		}
		ders = store.trusted
		for _, k := range store.keys {
			ders = append(ders, k.chain[0])
		}
	case pkcs12Store:
		return pkcs12Certificates(content, password)
	case jceksStore:
		return nil, errJCEKS
	default:
		return nil, errNoStore
	}
	var certificates []*x509.Certificate
	for _, der := range ders {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errNoCertificate
	}
	return certificates, nil
}

// errNoCertificate is what Java calls empty trust anchors.
var errNoCertificate = errors.New("the store trusts no certificate; add the authority's: keytool -importcert -trustcacerts -noprompt -alias ca -file ca.pem -keystore FILE")

func pkcs12Certificates(content []byte, password string) ([]*x509.Certificate, error) {
	certificates, err := pkcs12.DecodeTrustStore(content, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, errStorePassword
	}
	if err != nil { // it is no pure trust store: Java also trusts the certificate of a key
		_, own, others, chainErr := pkcs12.DecodeChain(content, password)
		if chainErr != nil {
			return nil, fmt.Errorf("the PKCS12 store cannot be read as a trust store (%w); make one: keytool -importcert -trustcacerts -noprompt -alias ca -file ca.pem -keystore new.p12 -storetype PKCS12", err)
		}
		certificates = append([]*x509.Certificate{own}, others...)
	}
	if len(certificates) == 0 {
		return nil, errNoCertificate
	}
	return certificates, nil
}

// passwords of a store: of all of it, and of its private key, which is that of the store when it is empty.
type passwords struct{ store, key string }

// identityOf returns the private key of a store and the certificates that belong to it, its own first.
func identityOf(content []byte, secret passwords) (tls.Certificate, error) {
	if secret.key == "" {
		secret.key = secret.store
	}
	switch kindOf(content) {
	case pemStore:
		private, err := pemPrivateKey(string(content), secret.key)
		if err != nil {
			return tls.Certificate{}, err
		}
		return pemIdentity(string(content), private)
	case jksStore:
		store, err := readJKS(content, secret.store)
		if err != nil {
			return tls.Certificate{}, err
		}
		return store.identity(secret.key)
	case pkcs12Store:
		private, own, others, err := pkcs12.DecodeChain(content, secret.store)
		switch {
		case errors.Is(err, pkcs12.ErrIncorrectPassword):
			return tls.Certificate{}, errStorePassword
		case err != nil:
			return tls.Certificate{}, fmt.Errorf("the PKCS12 store cannot be read: %w", err)
		}
		return chained(private, append([]*x509.Certificate{own}, others...))
	case jceksStore:
		return tls.Certificate{}, errJCEKS
	}
	return tls.Certificate{}, errNoStore
}

// pemIdentity is a private key with the chain of its certificates.
func pemIdentity(chain string, private crypto.PrivateKey) (tls.Certificate, error) {
	certificates, err := pemCertificates(chain)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair := tls.Certificate{Certificate: certificates, PrivateKey: private}
	return pair, matching(pair)
}

// chained puts certificates of a store, which are in no order, into that of a chain: the private key's own, its issuer's, and so on. What does
// not belong to the chain is left out.
func chained(private crypto.PrivateKey, certificates []*x509.Certificate) (tls.Certificate, error) {
	i := slices.IndexFunc(certificates, func(c *x509.Certificate) bool {
		return matching(tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: private}) == nil
	})
	if i < 0 {
		return tls.Certificate{}, errors.New("none of its certificates is that of its private key")
	}
	pair := tls.Certificate{PrivateKey: private}
	for last := certificates[i]; len(pair.Certificate) < len(certificates); {
		pair.Certificate = append(pair.Certificate, last.Raw)
		next := slices.IndexFunc(certificates, func(c *x509.Certificate) bool {
			return !bytes.Equal(c.Raw, last.Raw) && bytes.Equal(c.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(c) == nil
		})
		if next < 0 {
			break
		}
		last = certificates[next]
	}
	return pair, nil
}
