package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

const (
	// brokerLimit is how long a worker waits for Kafka when it starts, as Kafka Connect does.
	brokerLimit = time.Minute
	brokerPause = 250 * time.Millisecond
)

// findCluster returns the id of the Kafka cluster. It waits for a broker as long as ctx allows; what waiting does not heal
// is an error at once.
func findCluster(ctx context.Context, c workerConfig, own []kgo.Opt, log hclog.Logger) (id string, err error) {
	// Without retries each attempt says what is wrong; its own log would say it four times a second.
	client, err := kgo.NewClient(append(slices.Clone(own), kgo.RequestRetries(0), kgo.WithLogger(kgo.BasicLogger(io.Discard, kgo.LogLevelNone, nil)))...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var last error
	for {
		metadata, err := admin.BrokerMetadata(ctx)
		if err == nil {
			return metadata.Cluster, nil
		}
		if ctx.Err() == nil {
			if last == nil || last.Error() != err.Error() {
				log.Warn("Kafka does not answer; trying on", "bootstrap.servers", c.Raw()["bootstrap.servers"], "err", err)
			}
			last = err
		}
		var certificate *tls.CertificateVerificationError
		switch {
		case errors.Is(err, kerr.SaslAuthenticationFailed):
			return "", fmt.Errorf("the Kafka broker refuses the worker's user name or password, check sasl.mechanism and sasl.jaas.config: %w", err)
		case errors.Is(err, kafka.ErrTokenRefused):
			return "", err
		case errors.As(err, &certificate):
			return "", fmt.Errorf("the certificate of the Kafka broker is not trusted, check ssl.truststore.location and the host names in bootstrap.servers: %w", err)
		}
		select {
		case <-time.After(brokerPause):
		case <-ctx.Done():
			if last == nil {
				last = ctx.Err()
			}
			return "", &exitError{codeNoKafka, fmt.Errorf("no Kafka broker answers at bootstrap.servers=%s; start Kafka, or correct the address or security.protocol: %w", c.Raw()["bootstrap.servers"], last)}
		}
	}
}
