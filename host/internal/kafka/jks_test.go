package kafka

import (
	"os"
	"testing"
)

// Whatever the bytes are, reading them ends, and gives what is in them and no more.
func FuzzStore(f *testing.F) {
	for _, name := range []string{"key.jks", "trust.jks", "two.jks", "key.p12", "trust.p12", "old.jceks", "ca.pem"} {
		content, err := os.ReadFile("testdata/store/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, "store-secret")
		f.Add(content, "")
		f.Add(content[:len(content)/2], "")
	}
	f.Add([]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\xff\xff\xff\xff\x00\x00\x00\x01\xff\xff                        "), "")
	f.Fuzz(func(t *testing.T, content []byte, password string) {
		if kindOf(content) == pkcs12Store {
			return // the library's
		}
		certificates, err := trustedCertificates(content, password)
		if err == nil && len(certificates) == 0 {
			t.Error("neither certificate nor error")
		}
		pair, err := identityOf(content, passwords{store: password})
		if err == nil && (len(pair.Certificate) == 0 || pair.PrivateKey == nil) {
			t.Error("no identity and no error")
		}
	})
}

// Lengths and counts of a store are claims.
func FuzzUnprotect(f *testing.F) {
	content, err := os.ReadFile("testdata/store/key.jks")
	if err != nil {
		f.Fatal(err)
	}
	store, err := readJKS(content, "store-secret")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(store.keys[0].protected, "key-secret")
	f.Add(store.keys[0].protected[:40], "key-secret")
	f.Fuzz(func(t *testing.T, der []byte, password string) {
		if key, err := unprotect(der, password); err == nil && len(key) >= len(der) {
			t.Errorf("%d bytes of %d", len(key), len(der))
		}
	})
}
