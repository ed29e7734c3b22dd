package kafka

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// unfold restores the line breaks of a PEM text that was put on one line of a properties file: Java accepts it with
// spaces, and people write \n.
func unfold(text string) string {
	text = strings.ReplaceAll(text, `\n`, "\n")
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "-----BEGIN ")
		if !found {
			return b.String() + text
		}
		label, rest, hasLabel := strings.Cut(rest, "-----")
		body, rest, hasBody := strings.Cut(rest, "-----END "+label+"-----")
		if !hasLabel || !hasBody {
			return b.String() + text
		}
		b.WriteString(before)
		fmt.Fprintf(&b, "\n-----BEGIN %s-----\n%s\n-----END %s-----\n", label, strings.Join(strings.Fields(body), "\n"), label)
		text = rest
	}
}

// pemCertificates returns all certificates of a PEM text, at least one.
func pemCertificates(text string) (ders [][]byte, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			ders = append(ders, block.Bytes)
		}
	}
	if len(ders) == 0 {
		return nil, errors.New("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
	}
	return ders, nil
}

// pemPrivateKey returns the first private key of a PEM text.
func pemPrivateKey(text, password string) (crypto.PrivateKey, error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("it holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
		}
		switch block.Type {
		case "PRIVATE KEY":
			return x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errors.New("its encryption is an obsolete one; convert it: openssl pkcs8 -topk8 -in key.pem -out new.pem")
			}
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errors.New("its encryption is an obsolete one; convert it: openssl pkcs8 -topk8 -in key.pem -out new.pem")
			}
			return x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			if password == "" {
				return nil, errors.New("the private key is encrypted: set ssl.key.password")
			}
			der, err := decryptPKCS8(block.Bytes, password)
			if err != nil {
				return nil, err
			}
			private, err := x509.ParsePKCS8PrivateKey(der)
			if err != nil {
				return nil, errWrongPassword
			}
			return private, nil
		}
	}
}

// matching tells whether the first certificate is that of the private key.
func matching(pair tls.Certificate) error {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return errors.New("the private key cannot sign")
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return errors.New("the private key is not that of the first certificate; the chain begins with the client's own")
	}
	return nil
}

var (
	errWrongPassword = errors.New("the private key cannot be decrypted: ssl.key.password is wrong")
	errUnknownCipher = errors.New("the private key is encrypted in a way that is not supported; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in key.pem -out new.pem")
)

// Structures of PKCS #8 and PKCS #5 (RFC 5958 and 8018).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Encrypted []byte
	}
	pbes2Params struct {
		Derivation, Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	// prfs are the pseudo-random functions by the text of their identifier; without one it is HMAC with SHA-1.
	prfs = map[string]func() hash.Hash{
		"":                    sha1.New,
		"1.2.840.113549.2.7":  sha1.New,
		"1.2.840.113549.2.9":  sha256.New,
		"1.2.840.113549.2.10": sha512.New384,
		"1.2.840.113549.2.11": sha512.New,
	}
	// blockCiphers are used in CBC mode.
	blockCiphers = map[string]struct {
		keySize int
		make    func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
)

// maxIterations keeps a crafted key from occupying the worker.
const maxIterations = 10_000_000

// decryptPKCS8 decrypts a private key that is encrypted by PBES2, as openssl pkcs8 does.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var scheme pbes2Params
	var derivation pbkdf2Params
	var iv []byte
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return nil, fmt.Errorf("the encrypted private key is damaged: %w", err)
	}
	if !key.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errUnknownCipher
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errUnknownCipher
	}
	if !scheme.Derivation.Algorithm.Equal(oidPBKDF2) {
		return nil, errUnknownCipher
	}
	if _, err := asn1.Unmarshal(scheme.Derivation.Parameters.FullBytes, &derivation); err != nil {
		return nil, errUnknownCipher
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, errUnknownCipher
	}
	prf, knownPRF := prfs[derivation.PRF.Algorithm.String()]
	algorithm, knownCipher := blockCiphers[scheme.Cipher.Algorithm.String()]
	if !knownPRF || !knownCipher || derivation.Iterations < 1 || derivation.Iterations > maxIterations {
		return nil, errUnknownCipher
	}
	secret, err := pbkdf2.Key(prf, password, derivation.Salt, derivation.Iterations, algorithm.keySize)
	if err != nil {
		return nil, err
	}
	block, err := algorithm.make(secret)
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() || len(key.Encrypted) == 0 || len(key.Encrypted)%block.BlockSize() != 0 {
		return nil, errors.New("the encrypted private key is damaged")
	}
	plain := make([]byte, len(key.Encrypted))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, key.Encrypted)
	return unpad(plain, block.BlockSize())
}

// unpad removes the padding, which is right only when the password was.
func unpad(plain []byte, blockSize int) ([]byte, error) {
	n := int(plain[len(plain)-1])
	if n < 1 || n > blockSize || n > len(plain) {
		return nil, errWrongPassword
	}
	if !hmac.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errWrongPassword
	}
	return plain[:len(plain)-n], nil
}
