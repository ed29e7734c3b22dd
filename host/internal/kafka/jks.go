package kafka

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

// A JKS store is Java's own: keytool's default up to Java 8. All numbers are big-endian, and texts have their length before them:
//
//	magic | version | number of entries | entries | SHA-1 of password, a phrase, and all that is before
//
//	entry of a key            1 | alias | time | protected private key | number of certificates | certificates, the key's own first
//	entry of a certificate    2 | alias | time | certificate
const (
	jksMagic  = "\xfe\xed\xfe\xed"
	jksPhrase = "Mighty Aphrodite"
)

// jks is the content of such a store.
type jks struct {
	trusted [][]byte
	keys    []jksKey
}

// jksKey is a private key that is still protected, and its certificates, at least one.
type jksKey struct {
	alias     string
	protected []byte
	chain     [][]byte
}

var errJKS = errors.New("the JKS store is damaged")

// readJKS reads a store. Without a password it is not known whether the file was tampered with, and Java does not mind either.
func readJKS(file []byte, password string) (store jks, err error) {
	if len(file) < len(jksMagic)+4+4+sha1.Size {
		return jks{}, errJKS
	}
	body, digest := file[:len(file)-sha1.Size], file[len(file)-sha1.Size:]
	if password != "" && !hmac.Equal(jksDigest(password, []byte(jksPhrase), body), digest) {
		return jks{}, errStorePassword
	}
	r := &jksReader{rest: body[len(jksMagic):]}
	version := r.number()
	if version != 1 && version != 2 {
		return jks{}, fmt.Errorf("the JKS store is of version %d, known are 1 and 2", version)
	}
	for n := r.number(); n > 0 && !r.broken; n-- {
		kind, alias := r.number(), string(r.take(int64(r.short())))
		r.take(8)
		switch kind {
		case 1:
			key := jksKey{alias: alias, protected: r.take(int64(r.number()))}
			for left := r.number(); left > 0 && !r.broken; left-- {
				key.chain = append(key.chain, r.certificate(version))
			}
			if len(key.chain) == 0 {
				return jks{}, errJKS
			}
			store.keys = append(store.keys, key)
		case 2:
			store.trusted = append(store.trusted, r.certificate(version))
		default:
			return jks{}, errJKS
		}
	}
	if r.broken || len(r.rest) > 0 {
		return jks{}, errJKS
	}
	return store, nil
}

// jksReader takes what comes next from a store. When that is not there it is broken and gives nothing more.
type jksReader struct {
	rest   []byte
	broken bool
}

func (r *jksReader) take(n int64) []byte {
	if r.broken || n > int64(len(r.rest)) {
		r.broken = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *jksReader) number() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *jksReader) short() uint16 {
	b := r.take(2)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// certificate is preceded by its type, which is X.509, except in stores of version 1.
func (r *jksReader) certificate(version uint32) []byte {
	if version == 2 {
		r.take(int64(r.short()))
	}
	return r.take(int64(r.number()))
}

// jksDigest is SHA-1 over the password, in two bytes a character, and more.
func jksDigest(password string, more ...[]byte) []byte {
	h := sha1.New()
	for _, unit := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	for _, m := range more {
		h.Write(m)
	}
	return h.Sum(nil)
}

// identity returns the one private key of the store.
func (s jks) identity(password string) (tls.Certificate, error) {
	switch {
	case len(s.keys) == 0:
		return tls.Certificate{}, errors.New("the JKS store holds no private key")
	case len(s.keys) > 1:
		return tls.Certificate{}, fmt.Errorf("the JKS store holds %d private keys, and nothing says which is meant; keep one: keytool -delete -alias %s -keystore FILE", len(s.keys), s.keys[1].alias)
	case password == "":
		return tls.Certificate{}, errStorePassword
	}
	der, err := unprotect(s.keys[0].protected, password)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair := tls.Certificate{Certificate: s.keys[0].chain, PrivateKey: private}
	return pair, matching(pair)
}

// oidKeyProtector is Sun's way to protect the keys of a store.
var oidKeyProtector = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 42, 2, 17, 1, 1}

// unprotect takes the protection from a private key: salt, the key xor a stream of SHA-1 over password and salt, and the SHA-1 of password and
// key.
func unprotect(der []byte, password string) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil || !info.Algorithm.Algorithm.Equal(oidKeyProtector) || len(info.Data) < 2*sha1.Size {
		return nil, errJKS
	}
	salt, digest := info.Data[:sha1.Size], info.Data[len(info.Data)-sha1.Size:]
	key := bytes.Clone(info.Data[sha1.Size : len(info.Data)-sha1.Size])
	stream := salt
	for i := range key {
		if i%sha1.Size == 0 {
			stream = jksDigest(password, stream)
		}
		key[i] ^= stream[i%sha1.Size]
	}
	if !hmac.Equal(jksDigest(password, key), digest) {
		return nil, errWrongPassword
	}
	return key, nil
}
