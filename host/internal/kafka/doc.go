// Package kafka makes franz-go clients from the properties of Kafka's Java clients, so that existing worker and connector
// configurations work unchanged.
//
//	worker file  producer.* consumer.* admin.*  ─┐
//	                                              ├─ Properties ─▶ one map ─ NewConfig ─▶ Config (kgo options and more)
//	connector    producer.override.* …  ─ Policy ─┘
//
// A client that writes in transactions ends them through [Transactions], because of a fault of franz-go.
//
// Every key of Kafka's producer, consumer and admin client is in one table: it is either honoured, or accepted and
// ignored for a reason that the table states. A key that is in no table is returned as unknown, so that a misspelt one
// does not pass in silence. A value that cannot be honoured is an error that names key, value and what is possible.
//
// # What differs from the Java client
//
//   - batch.size is ignored: this client sends what has gathered while earlier requests are on their way, in batches of
//     up to max.request.size. 16 KiB batches are a tuning of the Java client; here they would only cost.
//   - enable.idempotence is on in [Defaults], where Kafka Connect has it off: retries make no duplicates, and several
//     requests are in flight without changing the order: of different partitions, for a source that delivers at least once
//     (host/internal/producer), of the same one, for franz-go's producer, which writes all else. It needs brokers of 2.8, or the IDEMPOTENT_WRITE permission;
//     producer.enable.idempotence=false turns it off.
//   - The default partition.assignment.strategy is CooperativeSticky alone, where Java offers Range first: only the
//     partitions that move are interrupted. A group with members that know both, as Java's do, agrees on it.
//   - What a store of certificates is, PEM, JKS or PKCS12, shows in the file; ssl.keystore.type and ssl.truststore.type are checked and no more.
//     A keystore holds one private key. JCEKS and stores of other providers are not read.
//   - No class named by a property is ever loaded. Properties whose meaning is a class are refused unless the class is one of Kafka's own
//     that this package stands in for. A sasl.jaas.config is parsed for user name and password, or for the client's
//     credentials, and nothing else.
//   - OAUTHBEARER gets tokens from sasl.oauthbearer.token.endpoint.url only: from an authorization server, or from a file. Java's unsecured
//     tokens, which it makes where no address is given, and assertions are not made. A token is used for four fifths of its life.
package kafka
