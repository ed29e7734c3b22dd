package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
)

// The structures of an encrypted private key: RFC 5208, RFC 8018.
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct {
		KDF, Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Parameters struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		Hash       pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidHMACSHA512 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	oidAES128     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES256     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// maxIterations keeps a strange file from taking hours.
const maxIterations = 10_000_000

var errCipher = errors.New("its encryption is not supported; write it again: openssl pkcs8 -topk8 -v2 aes256 -in KEY -out NEW")

// decryptPKCS8 decrypts the bytes of an ENCRYPTED PRIVATE KEY as OpenSSL writes it: PBES2 with PBKDF2 and AES-CBC.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var k encryptedKey
	var scheme pbes2
	var kdf pbkdf2Parameters
	var iv []byte
	if _, err := asn1.Unmarshal(der, &k); err != nil {
		return nil, errors.New("it is damaged")
	}
	if !k.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errCipher
	}
	if _, err := asn1.Unmarshal(k.Algorithm.Parameters.FullBytes, &scheme); err != nil || !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, errCipher
	}
	if _, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf); err != nil || kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, errCipher
	}
	var size int
	switch {
	case scheme.Cipher.Algorithm.Equal(oidAES128):
		size = 16
	case scheme.Cipher.Algorithm.Equal(oidAES256):
		size = 32
	default:
		return nil, errCipher
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil || len(iv) != aes.BlockSize || len(k.Data)%aes.BlockSize != 0 || len(k.Data) == 0 {
		return nil, errors.New("it is damaged")
	}
	var newHash func() hash.Hash
	switch oid := kdf.Hash.Algorithm; {
	case oid == nil:
		newHash = sha1.New
	case oid.Equal(oidHMACSHA256):
		newHash = sha256.New
	case oid.Equal(oidHMACSHA512):
		newHash = sha512.New
	default:
		return nil, errCipher
	}
	key, err := pbkdf2.Key(newHash, password, kdf.Salt, kdf.Iterations, size)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(k.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, k.Data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, errors.New("the password is wrong")
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errors.New("the password is wrong")
		}
	}
	return plain[:len(plain)-pad], nil
}
