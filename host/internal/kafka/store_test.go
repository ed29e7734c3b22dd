package kafka_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// storeFile is a file of testdata/store: the stores of one key and of its certificate, for 127.0.0.1, as keytool and openssl make them. Their
// password is store-secret, and that of the key in key.jks key-secret.
func storeFile(name string) string { return "testdata/store/" + name }

// Every kind of store serves both ends of a connection that both prove themselves on, and takes records through it.
func TestStores(t *testing.T) {
	t.Parallel()
	keys := map[string]map[string]string{
		"JKS":               {"ssl.keystore.type": "JKS", "ssl.keystore.location": storeFile("key.jks"), "ssl.keystore.password": "store-secret", "ssl.key.password": "key-secret"},
		"JKS, not verified": {"ssl.keystore.location": storeFile("key.jks"), "ssl.key.password": "key-secret"},
		"PKCS12":            {"ssl.keystore.type": "PKCS12", "ssl.keystore.location": storeFile("key.p12"), "ssl.keystore.password": "store-secret", "ssl.key.password": "store-secret"},
		"PKCS12 as JKS":     {"ssl.keystore.type": "JKS", "ssl.keystore.location": storeFile("key.p12"), "ssl.keystore.password": "store-secret"},
		"of openssl":        {"ssl.keystore.type": "pkcs12", "ssl.keystore.location": storeFile("openssl.p12"), "ssl.keystore.password": "store-secret"},
		"of old openssl":    {"ssl.keystore.location": storeFile("legacy.p12"), "ssl.keystore.password": "store-secret"},
		"with more in it":   {"ssl.keystore.location": storeFile("both.p12"), "ssl.keystore.password": "store-secret"},
	}
	trust := map[string]map[string]string{
		"JKS":                    {"ssl.truststore.type": "JKS", "ssl.truststore.location": storeFile("trust.jks"), "ssl.truststore.password": "store-secret"},
		"JKS, not verified":      {"ssl.truststore.location": storeFile("trust.jks")},
		"PKCS12":                 {"ssl.truststore.type": "PKCS12", "ssl.truststore.location": storeFile("trust.p12"), "ssl.truststore.password": "store-secret"},
		"PEM":                    {"ssl.truststore.type": "PEM", "ssl.truststore.location": storeFile("ca.pem")},
		"a key's, JKS":           {"ssl.truststore.location": storeFile("key.jks"), "ssl.truststore.password": "store-secret"},
		"a key's, PKCS12":        {"ssl.truststore.location": storeFile("key.p12"), "ssl.truststore.password": "store-secret"},
		"with a key beside them": {"ssl.truststore.location": storeFile("both.p12"), "ssl.truststore.password": "store-secret"},
	}
	check := func(name string, key, trusted map[string]string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both := maps.Clone(key)
			maps.Copy(both, trusted)
			server := maps.Clone(both)
			server["ssl.client.auth"] = "required"
			config, err := kafka.ServerTLS(server)
			if err != nil {
				t.Fatal(err)
			}
			client, err := kafka.ClientTLS(both)
			if err != nil {
				t.Fatal(err)
			}
			client.ServerName = "127.0.0.1"
			if err := shake(t, config, client); err != nil {
				t.Error(err)
			}
		})
	}
	for name, key := range keys {
		check("the key in "+name, key, trust["PEM"])
	}
	for name, trusted := range trust {
		check("the certificate in "+name, keys["JKS"], trusted)
	}
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		server := maps.Clone(keys["PKCS12"])
		maps.Copy(server, trust["JKS"])
		server["ssl.client.auth"] = "required"
		config, err := kafka.ServerTLS(server)
		if err != nil {
			t.Fatal(err)
		}
		config.NextProtos = nil
		props := maps.Clone(keys["JKS"])
		maps.Copy(props, trust["PKCS12"])
		props["security.protocol"] = "SSL"
		if err := talk(t, newCluster(t, kfake.TLS(config)), props); err != nil {
			t.Error(err)
		}
	})
}

func TestStoreProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keystore, truststore, password, keyPassword string
		want                                        []string
	}{
		"JKS, another password":            {keystore: "key.jks", password: "hunter2", keyPassword: "key-secret", want: []string{`testdata/store/key.jks" for ssl.keystore.location: ssl.keystore.password is wrong`}},
		"JKS, another password of the key": {keystore: "key.jks", password: "store-secret", keyPassword: "hunter2", want: []string{"ssl.key.password is wrong"}},
		"JKS, the key has one of its own":  {keystore: "key.jks", password: "store-secret", want: []string{"ssl.key.password is wrong"}},
		"JKS, no password":                 {keystore: "key.jks", want: []string{"the store is protected, set ssl.keystore.password"}},
		"JKS, no key":                      {keystore: "trust.jks", password: "store-secret", want: []string{"holds no private key"}},
		"JKS, two keys":                    {keystore: "two.jks", password: "store-secret", want: []string{"holds 2 private keys", "keytool -delete"}},
		"JCEKS":                            {keystore: "old.jceks", password: "store-secret", want: []string{"keytool -importkeystore", "JCEKS"}},
		"PKCS12, another password":         {keystore: "key.p12", password: "hunter2", want: []string{"ssl.keystore.password is wrong"}},
		"PKCS12, no password":              {keystore: "key.p12", want: []string{"the store is protected, set ssl.keystore.password"}},
		"PKCS12, no key":                   {keystore: "trust.p12", password: "store-secret", want: []string{"private key missing"}},
		"no store":                         {keystore: "../config/producer.txt", want: []string{"neither PEM", "nor JKS nor PKCS12"}},
		"no file":                          {keystore: "none.jks", want: []string{"no such file"}},
		"a folder":                         {keystore: "", truststore: ".", want: []string{"ssl.truststore.location", "is a directory"}},
		"trust JKS, another password":      {truststore: "trust.jks", password: "hunter2", want: []string{"ssl.truststore.password is wrong"}},
		"trust PKCS12, another password":   {truststore: "trust.p12", password: "hunter2", want: []string{"ssl.truststore.password is wrong"}},
		"trust PKCS12, no password":        {truststore: "trust.p12", want: []string{"set ssl.truststore.password"}},
		"trust PKCS12 of openssl":          {truststore: "certs.p12", password: "store-secret", want: []string{"not marked as trusted", "keytool -importcert -trustcacerts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			props := map[string]string{}
			for kind, file := range map[string]string{"keystore": c.keystore, "truststore": c.truststore} {
				if file != "" {
					props["ssl."+kind+".location"], props["ssl."+kind+".password"] = storeFile(file), c.password
				}
			}
			props["ssl.key.password"] = c.keyPassword
			_, err := kafka.ClientTLS(props)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "-secret") {
				t.Errorf("a password shows: %v", err)
			}
		})
	}
}

// A store that a connector names is read with the worker's rights and is foreign bytes.
func TestStoreIsBounded(t *testing.T) {
	t.Parallel()
	if _, err := kafka.ClientTLS(map[string]string{"ssl.truststore.location": "/dev/zero"}); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("got %v", err)
	}
}
