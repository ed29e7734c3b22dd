package group

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// standard is Kafka Connect's configuration.
var standard = Signing{KeyAlgorithm: "HmacSHA256", KeyTTL: time.Hour, Algorithm: "HmacSHA256", Accepted: []string{"HmacSHA256"}}

func TestSign(t *testing.T) {
	key := &storage.SessionKey{Key: []byte("key"), Algorithm: "HmacSHA256"}
	header := http.Header{}
	if err := standard.Sign(key, header, []byte("The quick brown fox jumps over the lazy dog")); err != nil {
		t.Fatal(err)
	}
	// The well-known value of HMAC-SHA256 for this key and text.
	if got := header.Get("X-Connect-Authorization"); got != "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=" {
		t.Errorf("the signature is %s", got)
	}
	if got := header.Get("X-Connect-Request-Signature-Algorithm"); got != "HmacSHA256" {
		t.Errorf("the algorithm is %s", got)
	}
	if err := standard.Sign(nil, header, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

func TestVerify(t *testing.T) {
	key := standard.NewKey(time.Now())
	other := standard.NewKey(time.Now())
	body := []byte(`[{"a":"b"}]`)
	cases := map[string]struct {
		key    *storage.SessionKey
		body   []byte
		change func(http.Header)
		want   error
	}{
		"as it was signed":       {key: &key, body: body},
		"no body":                {key: &key},
		"another body":           {key: &key, body: []byte("[]"), want: ErrForged},
		"another key":            {key: &other, body: body, want: ErrForged},
		"no key yet":             {body: body, want: ErrNoKey},
		"no signature":           {key: &key, body: body, change: func(h http.Header) { h.Del(SignatureHeader) }, want: ErrUnsigned},
		"no algorithm":           {key: &key, body: body, change: func(h http.Header) { h.Del(AlgorithmHeader) }, want: ErrUnsigned},
		"unknown algorithm":      {key: &key, body: body, change: func(h http.Header) { h.Set(AlgorithmHeader, "HmacMD4") }, want: ErrUnsigned},
		"algorithm not accepted": {key: &key, body: body, change: func(h http.Header) { h.Set(AlgorithmHeader, "HmacSHA512") }, want: ErrUnsigned},
		"not base64":             {key: &key, body: body, change: func(h http.Header) { h.Set(SignatureHeader, "?") }, want: ErrUnsigned},
		"shortened": {key: &key, body: body, change: func(h http.Header) {
			h.Set(SignatureHeader, base64.StdEncoding.EncodeToString([]byte("short")))
		}, want: ErrForged},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			signed := body
			if name == "no body" {
				signed = nil
			}
			if err := standard.Sign(&key, header, signed); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(header)
			}
			if err := standard.Verify(c.key, header, c.body); !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
}

func TestKeyExpires(t *testing.T) {
	now := time.Now()
	key := standard.NewKey(now)
	if len(key.Key) != 32 || key.Algorithm != "HmacSHA256" || !key.Created.Equal(now) {
		t.Errorf("a key of %d bytes for %s of %s", len(key.Key), key.Algorithm, key.Created)
	}
	with := func(change func(*Signing)) Signing {
		s := standard
		change(&s)
		return s
	}
	cases := map[string]struct {
		signing Signing
		key     *storage.SessionKey
		at      time.Time
		ever    bool
	}{
		"in an hour":        {standard, &key, now.Add(time.Hour), true},
		"there is none":     {standard, nil, time.Time{}, true},
		"for ever":          {with(func(s *Signing) { s.KeyTTL = 0 }), &key, time.Time{}, false},
		"another algorithm": {with(func(s *Signing) { s.KeyAlgorithm = "HmacSHA512" }), &key, time.Time{}, true},
		"another size":      {with(func(s *Signing) { s.KeySize = 512 }), &key, time.Time{}, true},
		"the size it has":   {with(func(s *Signing) { s.KeySize = 256 }), &key, now.Add(time.Hour), true},
	}
	for name, c := range cases {
		if at, ever := c.signing.Expires(c.key); !at.Equal(c.at) || ever != c.ever {
			t.Errorf("%s: %s, %t", name, at, ever)
		}
	}
	if got := len(with(func(s *Signing) { s.KeySize = 100 }).NewKey(now).Key); got != 13 {
		t.Errorf("a key of 100 bits has %d bytes", got)
	}
}

func TestSigningCheck(t *testing.T) {
	if err := standard.Check(); err != nil {
		t.Error(err)
	}
	bad := Signing{KeyAlgorithm: "AES", KeySize: 1, Algorithm: "HmacSHA512", Accepted: []string{"HmacSHA256", "RSA"}}
	err := bad.Check()
	for _, want := range []string{
		"inter.worker.key.generation.algorithm=AES is none of", "inter.worker.verification.algorithms=RSA is none of",
		"inter.worker.signature.algorithm=HmacSHA512 is not in inter.worker.verification.algorithms=HmacSHA256,RSA: add it there", "inter.worker.key.size=1 is not",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error %v lacks %q", err, want)
		}
	}
}
