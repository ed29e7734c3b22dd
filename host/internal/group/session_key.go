package group

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// Headers of a signed request between workers.
const (
	SignatureHeader = "X-Connect-Authorization"
	AlgorithmHeader = "X-Connect-Request-Signature-Algorithm"
)

// Why a request between workers is not accepted.
var (
	// ErrUnsigned is for a request whose signature is missing or cannot be read.
	ErrUnsigned = errors.New("internal request missing required signature")
	// ErrForged is for a request that was not signed with the session key. Keys change: the sender may try again.
	ErrForged = errors.New("internal request contained invalid signature")
	// ErrNoKey is for a worker that has not read a session key yet.
	ErrNoKey = errors.New("this worker has not read the session key yet")
)

// Signing is how requests between workers are signed, in the words of a worker's configuration.
type Signing struct {
	KeyAlgorithm string        // inter.worker.key.generation.algorithm
	KeySize      int           // inter.worker.key.size, in bits; 0: that of the algorithm
	KeyTTL       time.Duration // inter.worker.key.ttl.ms; 0: a key lasts for ever
	Algorithm    string        // inter.worker.signature.algorithm
	Accepted     []string      // inter.worker.verification.algorithms
}

// macs are the algorithms, under the names that Java has for them.
var macs = map[string]func() hash.Hash{
	"HmacSHA1": sha1.New, "HmacSHA224": sha256.New224, "HmacSHA256": sha256.New, "HmacSHA384": sha512.New384, "HmacSHA512": sha512.New,
}

// Check tells, a line for each key, what of the configuration cannot be.
func (s Signing) Check() error {
	var problems []error
	known := func(key, algorithm string) {
		if findMAC(algorithm) == nil {
			problems = append(problems, fmt.Errorf("%s=%s is none of HmacSHA1, HmacSHA224, HmacSHA256, HmacSHA384, HmacSHA512", key, algorithm))
		}
	}
	known("inter.worker.key.generation.algorithm", s.KeyAlgorithm)
	known("inter.worker.signature.algorithm", s.Algorithm)
	for _, a := range s.Accepted {
		known("inter.worker.verification.algorithms", a)
	}
	if !s.accepts(s.Algorithm) {
		problems = append(problems, fmt.Errorf("inter.worker.signature.algorithm=%s is not in inter.worker.verification.algorithms=%s: add it there",
			s.Algorithm, strings.Join(s.Accepted, ",")))
	}
	if s.KeySize != 0 && (s.KeySize < 40 || s.KeySize > 1<<16) {
		problems = append(problems, fmt.Errorf("inter.worker.key.size=%d is not a number of bits from 40 to 65536", s.KeySize))
	}
	return errors.Join(problems...)
}

func findMAC(algorithm string) func() hash.Hash {
	for name, mac := range macs {
		if strings.EqualFold(name, algorithm) {
			return mac
		}
	}
	return nil
}

func (s Signing) accepts(algorithm string) bool {
	return slices.ContainsFunc(s.Accepted, func(a string) bool { return strings.EqualFold(a, algorithm) })
}

// Expires is when the leader is to replace a key: the zero time when it lasts for ever, and a time that has passed when
// there is none, or one of another kind.
func (s Signing) Expires(key *storage.SessionKey) (at time.Time, ever bool) {
	switch {
	case key == nil, !strings.EqualFold(key.Algorithm, s.KeyAlgorithm), s.KeySize != 0 && len(key.Key) != (s.KeySize+7)/8:
		return time.Time{}, true
	case s.KeyTTL == 0:
		return time.Time{}, false
	}
	return key.Created.Add(s.KeyTTL), true
}

// NewKey makes a session key. Only the leader does, and writes it to the config topic.
func (s Signing) NewKey(now time.Time) storage.SessionKey {
	size := (s.KeySize + 7) / 8
	if size == 0 {
		size = findMAC(s.KeyAlgorithm)().Size()
	}
	key := make([]byte, size)
	_, _ = rand.Read(key) // it does not fail
	return storage.SessionKey{Key: key, Algorithm: s.KeyAlgorithm, Created: now}
}

// Sign adds the headers to a request with this body; nil when it has none.
func (s Signing) Sign(key *storage.SessionKey, header http.Header, body []byte) error {
	if key == nil {
		return ErrNoKey
	}
	header.Set(SignatureHeader, base64.StdEncoding.EncodeToString(sum(findMAC(s.Algorithm), key.Key, body)))
	header.Set(AlgorithmHeader, s.Algorithm)
	return nil
}

// Verify checks the headers of a request with this body. Its errors are those of this package, or wrap them.
func (s Signing) Verify(key *storage.SessionKey, header http.Header, body []byte) error {
	text, algorithm := header.Get(SignatureHeader), header.Get(AlgorithmHeader)
	if text == "" || algorithm == "" {
		return ErrUnsigned
	}
	mac := findMAC(algorithm)
	if mac == nil || !s.accepts(algorithm) {
		return fmt.Errorf("%w: this worker does not accept signatures of the algorithm %.40q", ErrUnsigned, algorithm)
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("%w: it is not base64", ErrUnsigned)
	}
	if key == nil {
		return ErrNoKey
	}
	if !hmac.Equal(signature, sum(mac, key.Key, body)) {
		return ErrForged
	}
	return nil
}

func sum(mac func() hash.Hash, key, body []byte) []byte {
	h := hmac.New(mac, key)
	h.Write(body)
	return h.Sum(nil)
}
